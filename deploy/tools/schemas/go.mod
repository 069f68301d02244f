module frontrow/deploy/tools/schemas

go 1.26

// Read for the schemas of their objects and never built: Kubernetes' own, and those of the operators
// that the chart speaks to.
require (
	github.com/argoproj/argo-rollouts v1.9.2
	github.com/external-secrets/external-secrets v1.3.2
	github.com/kedacore/keda/v2 v2.21.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	k8s.io/kubernetes v1.37.2
)
