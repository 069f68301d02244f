{{/*
The environment of Django's processes. What differs from process to process is beside it, in the
templates; tests/delivery/test_environment.py compares all of it with the settings and the stack.
*/}}

{{/* The same for all of them, without secrets. Site facts first, then `config`. */}}
{{- define "frontrow.environment" -}}
{{- $name := include "frontrow.name" . -}}
DJANGO_SETTINGS_MODULE: config.settings.production
FRONTROW_URL: {{ .Values.site.url | quote }}
STOREFRONT_URL: {{ default .Values.site.url .Values.site.storefrontUrl | quote }}
ALLOWED_HOSTS: {{ compact (append .Values.site.hosts .Values.release.previewHost) | join "," | quote }}
TRUSTED_PROXY_COUNT: "1" # the gateway beside the API, which knows who asks
STREAM_HEALTH_URL: http://{{ $name }}-stream:8005/healthz/ready
SIGNING_KEYS_FILE: /run/frontrow/keys/signing-keys.json
DRAIN_FILE: /tmp/drain
METRICS_HOST: 0.0.0.0
METRIC_STATE: "false" # state-metrics exports it, once for all
{{- range $variable, $value := .Values.config }}
{{ $variable }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Secrets by name: those that a process cannot do without, and those of what is configured. */}}
{{- define "frontrow.requiredSecrets" -}}
SECRET_KEY OPS_TOKEN DATABASE_URL IDEMPOTENCY_DATABASE_URL REDIS_CACHE_URL REDIS_LOCK_URL REDIS_QUEUE_URL CELERY_BROKER_URL EMAIL_URL
{{- end }}

{{- define "frontrow.optionalSecrets" -}}
SECRET_KEY_FALLBACKS REPLICA_URL PAYMENT_GATEWAY_SECRET PAYMENT_WEBHOOK_SECRETS CHALLENGE_SERVICE_SECRET OIDC_CLIENT_SECRET
{{- end }}

{{/*
The list `env` of a container of Django's. `component` names it in log lines; `kafka`: whether it
speaks to the brokers. The others believe that there are none, and nothing of theirs leads there.
*/}}
{{- define "frontrow.env" -}}
- {name: OTEL_SERVICE_NAME, value: {{ .component }}}
{{- $secret := .root.Values.secrets.environment }}
{{- range splitList " " (include "frontrow.requiredSecrets" .root) }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ . }}}}
{{- end }}
{{- range splitList " " (include "frontrow.optionalSecrets" .root) }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ . }}, optional: true}}
{{- end }}
{{- if .kafka }}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ .root.Values.kafka.bootstrapServers | quote }}}
{{- range $variable, $value := .root.Values.kafka.config }}
- {name: {{ $variable }}, value: {{ $value | quote }}}
{{- end }}
- name: KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: KAFKA_SASL_PASSWORD, optional: true}}
{{- end }}
{{- end }}

{{- define "frontrow.envFrom" -}}
- configMapRef: {name: {{ include "frontrow.name" .root }}-environment}
{{- end }}
