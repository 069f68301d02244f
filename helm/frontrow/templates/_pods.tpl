{{/*
What every pod has in common. Each helper takes `dict "root" $ "component" "api"` and says at its
head what else it reads.
*/}}

{{/*
Who the pod is and where it may run.
`grace`: seconds it may take to end; `priority`: api or workers (none for what runs before the classes
are there); `strict`: an uneven spread over the
zones keeps the pod pending (else it is only avoided).
*/}}
{{- define "frontrow.podSettings" -}}
serviceAccountName: {{ include "frontrow.componentName" . }}
automountServiceAccountToken: false
# A Service called frontrow would put FRONTROW_PORT=tcp://... into every environment.
enableServiceLinks: false
{{- with .priority }}
priorityClassName: {{ include "frontrow.name" $.root }}-{{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ .grace }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
topologySpreadConstraints:
  - topologyKey: topology.kubernetes.io/zone
    maxSkew: 1
    whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (and (default false .strict) .root.Values.zones.required) }}
    nodeTaintsPolicy: Honor
    labelSelector:
      matchLabels: {{- include "frontrow.selector" . | nindent 8 }}
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "frontrow.selector" . | nindent 8 }}
{{- end }}

{{/* A container that may write to its mounts alone. */}}
{{- define "frontrow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Reads nothing. While the file exists /healthz/ready says no; by the end of the pause nobody
sends anything here any more, and only then the process is asked to stop. */}}
{{- define "frontrow.drain" -}}
preStop:
  exec:
    command: [sh, -c, 'touch "$DRAIN_FILE"; sleep 10']
{{- end }}

{{/*
Startup: the database has every migration that this code knows. Readiness: neither draining nor
without the primary. Liveness: the process alone, so that a lost server restarts nobody.
`port`: by name or number. `startup`: another path for who knows no database.
*/}}
{{- define "frontrow.probes" -}}
startupProbe:
  httpGet: {path: {{ default "/healthz/startup" .startup }}, port: {{ .port }}}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 90
readinessProbe:
  httpGet: {path: /healthz/ready, port: {{ .port }}}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /healthz/live, port: {{ .port }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{- define "frontrow.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: keys, mountPath: /run/frontrow/keys, readOnly: true}
{{- end }}

{{/* The key ring is root's with mode 0440, so the process's group reads it and nobody writes it. */}}
{{- define "frontrow.volumes" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
- name: keys
  secret:
    secretName: {{ .root.Values.secrets.signingKeys.name }}
    defaultMode: 0440
    items:
      - {key: {{ .root.Values.secrets.signingKeys.key }}, path: signing-keys.json}
{{- end }}

{{/* Whatever these digests stand for has changed: the pods have to start again. */}}
{{- define "frontrow.checksums" -}}
checksum/environment: {{ include "frontrow.environment" .root | sha256sum }}
{{- end }}
