{{/*
nginx in the API's pod. Its image's own entry point fills the template in from this environment, as
in docker-compose.yml, whose words these are (stack/container/gateway.envsh makes nginx's lines of
them).
*/}}
{{- define "frontrow.gatewayContainer" -}}
{{- $gateway := .Values.gateway -}}
- name: gateway
  image: {{ $gateway.image }}
  restartPolicy: Always # a sidecar: started before the API, stopped after it
  command: [/docker-entrypoint.sh, nginx, -c, /tmp/nginx.conf]
  env:
    {{- range $word, $value := include "frontrow.gatewayWords" . | fromYaml }}
    - {name: {{ $word }}, value: {{ $value | quote }}}
    {{- end }}
  ports:
    - {name: http, containerPort: 8080}
    - {name: status, containerPort: 8081}
  # Answered by nginx alone: were it the API's answer, the one could not start before the other.
  startupProbe:
    httpGet: {path: /healthz/live, port: status}
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet: {path: /healthz/live, port: status}
    periodSeconds: 3
    failureThreshold: 2
  livenessProbe:
    httpGet: {path: /healthz/live, port: status}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  securityContext:
    runAsUser: 101 # the image's own, of the group that all of the pod's have
    {{- include "frontrow.containerSecurity" . | nindent 4 }}
  resources: {{- toYaml $gateway.resources | nindent 4 }}
  volumeMounts:
    - {name: gateway-tmp, mountPath: /tmp}
    - {name: files, mountPath: /etc/frontrow, readOnly: true}
    - {name: files, mountPath: /docker-entrypoint.d/15-gateway.envsh, subPath: gateway.envsh, readOnly: true}
{{- end }}

{{/* Each fastpath by a name of its own: joins of one sale go by hash over them, and to the next
where one is gone. Those beyond the present number refuse at once.
`dict "root" $ "component" "fastpath" "values" .Values.fastpath.waitingRoom` */}}
{{- define "frontrow.fastpathServers" -}}
{{- $found := list -}}
{{- range until (int .values.maxReplicas) }}
{{- $found = append $found (printf "%s-%d:8002" (include "frontrow.componentName" $) .) }}
{{- end -}}
{{ join "," $found }}
{{- end }}

{{- define "frontrow.gatewayWords" -}}
{{- $gateway := .Values.gateway -}}
{{- $waiting := dict "root" . "component" "fastpath" "values" .Values.fastpath.waitingRoom -}}
{{- $sale := dict "root" . "component" "fastpath-sale" "values" .Values.fastpath.sale -}}
NGINX_ENVSUBST_TEMPLATE_DIR: /etc/frontrow
NGINX_ENVSUBST_OUTPUT_DIR: /tmp
USER_DIRECTIVE: ""
WORKER_PROCESSES: "2" # not one for each core of a large node
WORKER_CONNECTIONS: "32768"
FILES: "65536"
STREAMS: "20000" # leaves connections to everybody else
RUN: /tmp
ACCESS_LOG: /dev/stdout
API: 127.0.0.1:8000
FASTPATHS: {{ include "frontrow.fastpathServers" $waiting }}
FASTPATH_SALES: {{ include "frontrow.fastpathServers" $sale }}
STREAM: {{ include "frontrow.name" . }}-stream:8005
KEPT_CONNECTIONS: keepalive 128; keepalive_requests 100000; keepalive_timeout 60s;
LISTEN: "8080"
STATUS_LISTEN: "8081"
KEPT_IN_RELOAD: keepalive_min_timeout 5s;
VERSION: {{ default .Chart.AppVersion .Values.image.release | quote }}
LIMITS: {{ ternary "on" "off" $gateway.limits | quote }}
JOIN_RATE: {{ $gateway.rates.join | quote }}
RESERVE_RATE: {{ $gateway.rates.reserve | quote }}
PAY_RATE: {{ $gateway.rates.pay | quote }}
LOGIN_RATE: {{ $gateway.rates.login | quote }}
LOGINS: {{ ternary "on" "off" $gateway.logins | quote }}
TRUSTED_PROXIES: {{ join "," $gateway.trustedProxies | quote }}
TRUSTED_HOPS: {{ $gateway.trustedHops | quote }}
STATIC: /etc/frontrow/static
MEDIA: /etc/frontrow/media # of which there is none: the API has pictures from the storage
{{- end }}
