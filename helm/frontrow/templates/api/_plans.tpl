{{/*
How a release comes in (docs/releasing.md). `canary`: by shares, each for a while, judged all the time;
at the end of each share it has to have served enough to be judged by. `blueGreen`: at once, after a
purchase on the new pods; judged afterwards, and taken back where that goes wrong.
*/}}
{{- define "frontrow.releasePlan" -}}
{{- $name := include "frontrow.name" . -}}
{{- $release := .Values.release -}}
{{- if and $release.analysis (not .Values.monitoring.podMonitors) -}}
{{- fail "release.analysis asks Prometheus: it needs monitoring.podMonitors" -}}
{{- end -}}
{{- if and $release.previewHost (not .Values.test.concert) -}}
{{- fail "release.previewHost is for a purchase on the new pods: it needs test.concert" -}}
{{- end -}}
{{- if eq $release.plan "canary" -}}
canary:
  maxSurge: 25%
  maxUnavailable: 0
  stableService: {{ $name }}-stable
  canaryService: {{ $name }}-canary
  {{- if eq .Values.routing.mode "alb" }}
  # The stable side keeps all its pods until the last weight has arrived at the balancer.
  dynamicStableScale: false
  scaleDownDelaySeconds: 120
  trafficRouting:
    alb:
      ingress: {{ $name }}
      rootService: {{ $name }}
      servicePort: 80
  {{- end }}
  {{- if $release.analysis }}
  analysis:
    startingStep: 1
    templates:
      - templateName: {{ $name }}-trust
      - templateName: {{ $name }}-comparison
    args: {{- include "frontrow.releaseSides" . | nindent 6 }}
  {{- end }}
  steps:
    {{- range $release.steps }}
    - setWeight: {{ .percent }}
    - pause: {duration: {{ .pause }}}
    {{- if $release.analysis }}
    - analysis:
        templates:
          - templateName: {{ $name }}-traffic
        args: {{- include "frontrow.releaseSides" $ | nindent 10 }}
    {{- end }}
    {{- end }}
    - setWeight: 100
{{- else -}}
blueGreen:
  activeService: {{ $name }}-stable
  previewService: {{ $name }}-canary
  # Going back within this time needs no new pod.
  scaleDownDelaySeconds: 1800
  {{- if $release.previewHost }}
  prePromotionAnalysis:
    templates:
      - templateName: {{ $name }}-purchase
  {{- end }}
  {{- if $release.analysis }}
  postPromotionAnalysis:
    templates:
      - templateName: {{ $name }}-trust
      - templateName: {{ $name }}-comparison
    args: {{- include "frontrow.releaseSides" . | nindent 6 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Whose figures are compared: the label `release` of the new pods and of the old ones. */}}
{{- define "frontrow.releaseSides" -}}
- name: canary
  valueFrom: {podTemplateHashValue: Latest}
- name: stable
  valueFrom: {podTemplateHashValue: Stable}
{{- end }}
