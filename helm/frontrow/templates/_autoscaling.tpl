{{/*
What scales a workload: KEDA's ScaledObject, which makes the HorizontalPodAutoscaler, or without KEDA
a plain one on CPU.

`dict "root" $ "component" "api" "target" (dict "apiVersion" .. "kind" .. ) "values" ..`
`values`: minReplicas, maxReplicas, cpuUtilization, fallbackReplicas. What KEDA asks Prometheus is
written by `python -m observability.scaling`: each query is one number, the pods that are wanted.
*/}}
{{- define "frontrow.autoscaling" -}}
{{- $values := .values -}}
{{- $name := include "frontrow.componentName" . -}}
{{- $queries := get (.root.Files.Get "files/scaling.json" | fromJson) .component | default dict -}}
{{- if .root.Values.autoscaling.keda }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ $name }}
  labels: {{- include "frontrow.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: {{ .target.apiVersion }}
    kind: {{ .target.kind }}
    name: {{ $name }}
  minReplicaCount: {{ $values.minReplicas }}
  maxReplicaCount: {{ $values.maxReplicas }}
  pollingInterval: 15
  {{- if $queries }}
  # Without an answer of Prometheus: never fewer than there are, whatever CPU says (KEDA 6659).
  fallback:
    failureThreshold: 3
    replicas: {{ $values.fallbackReplicas }}
    behavior: currentReplicasIfHigher
  {{- end }}
  advanced:
    horizontalPodAutoscalerConfig:
      name: {{ $name }}
      behavior: {{- include "frontrow.scalingBehavior" . | nindent 8 }}
  triggers:
    - type: cpu
      name: cpu
      metricType: Utilization
      metadata:
        value: {{ $values.cpuUtilization | quote }}
    {{- range $trigger, $query := $queries }}
    - type: prometheus
      name: {{ $trigger }}
      metricType: AverageValue
      metadata:
        serverAddress: {{ $.root.Values.monitoring.prometheusUrl | quote }}
        query: {{ $query | quote }}
        threshold: "1" # the answer is a number of pods
        ignoreNullValues: "false"
    {{- end }}
{{- else }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels: {{- include "frontrow.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: {{ .target.apiVersion }}
    kind: {{ .target.kind }}
    name: {{ $name }}
  minReplicas: {{ $values.minReplicas }}
  maxReplicas: {{ $values.maxReplicas }}
  behavior: {{- include "frontrow.scalingBehavior" . | nindent 4 }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ $values.cpuUtilization }}}
{{- end }}
{{- end }}

{{/* Up at once and steeply: a crowd comes in a second. Down slowly: it may come back. */}}
{{- define "frontrow.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  selectPolicy: Max
  policies:
    - {type: Percent, value: 100, periodSeconds: 15}
    - {type: Pods, value: 20, periodSeconds: 15}
scaleDown:
  stabilizationWindowSeconds: 600
  policies:
    - {type: Percent, value: 10, periodSeconds: 60}
{{- end }}
