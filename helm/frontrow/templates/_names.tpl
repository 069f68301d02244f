{{/*
Names and labels. A component is one kind of pod: api, fastpath, worker-relay and so on.
Helpers that need a component take `dict "root" $ "component" "api"`.
*/}}

{{- define "frontrow.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The name of an object that belongs to a component. */}}
{{- define "frontrow.componentName" -}}
{{ include "frontrow.name" .root }}-{{ .component }}
{{- end }}

{{/* What never changes in the life of a component: selectors may not. */}}
{{- define "frontrow.selector" -}}
app.kubernetes.io/name: frontrow
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "frontrow.labels" -}}
{{ include "frontrow.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* The pods of several components: `dict "root" $ "components" (list "api" "stream")`. */}}
{{- define "frontrow.podsOf" -}}
matchLabels:
  app.kubernetes.io/name: frontrow
  app.kubernetes.io/instance: {{ .root.Release.Name }}
matchExpressions:
  - key: app.kubernetes.io/component
    operator: In
    values: {{ .components | toJson }}
{{- end }}

{{/* A digest says which bytes run; a tag is for clusters that load images by hand. */}}
{{- define "frontrow.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ required "image.digest (or image.tag, on a test cluster) must be set" $image.tag }}
{{- end -}}
{{- end }}

{{- define "frontrow.workerNames" -}}
promotion relay general background
{{- end }}

{{/* Every component whose pods run as long as the release does. */}}
{{- define "frontrow.components" -}}
{{- $found := list "api" "fastpath" "fastpath-sale" "stream" "consumers" "beat" "state-metrics" "flower" -}}
{{- range splitList " " (include "frontrow.workerNames" .) }}{{ $found = append $found (printf "worker-%s" .) }}{{ end -}}
{{ join " " $found }}
{{- end }}

{{/* Those that do a piece of work and end. */}}
{{- define "frontrow.tasks" -}}
partitions audit
{{- end }}
