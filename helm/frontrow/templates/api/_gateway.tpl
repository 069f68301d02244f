{{/*
nginx in the API's pod. Its image's own entry point fills the template in from this environment, as
in docker-compose.yml; the words are those of stack/gateway/nginx.conf.template.
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
    tcpSocket: {port: http}
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    tcpSocket: {port: http}
    periodSeconds: 3
    failureThreshold: 2
  livenessProbe:
    tcpSocket: {port: http}
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
where one is gone. Those beyond the present number refuse at once. `dict "root" $ "component" ...` */}}
{{- define "frontrow.fastpathServers" -}}
{{- $name := include "frontrow.componentName" . -}}
{{- $of := index .root.Values.fastpath (ternary "sale" "waitingRoom" (eq .component "fastpath-sale")) -}}
{{- range until (int $of.maxReplicas) }}server {{ $name }}-{{ . }}:8002 max_fails=1 fail_timeout=2s; {{ end -}}
{{- end }}

{{- define "frontrow.gatewayWords" -}}
NGINX_ENVSUBST_TEMPLATE_DIR: /etc/frontrow
NGINX_ENVSUBST_OUTPUT_DIR: /tmp
USER_DIRECTIVE: ""
WORKER_PROCESSES: "2" # not one for each core of a large node
WORKER_CONNECTIONS: "32768"
FILES: "65536"
STREAMS: "20000" # leaves connections to everybody else
RUN: /tmp
ACCESS_LOG: /dev/stdout
API_SERVERS: server 127.0.0.1:8000 max_fails=0;
API_BACKUPS: server 127.0.0.1:8000 backup;
FASTPATH_SERVERS: {{ include "frontrow.fastpathServers" (dict "root" . "component" "fastpath") | trim }}
FASTPATH_SALE_SERVERS: {{ include "frontrow.fastpathServers" (dict "root" . "component" "fastpath-sale") | trim }}
STREAM: {{ include "frontrow.name" . }}-stream:8005
KEPT_CONNECTIONS: keepalive 128; keepalive_requests 100000; keepalive_timeout 60s;
REDUCED_UPSTREAMS: ""
DRAINED: ""
LISTEN: "8080"
STATUS_SERVER: ""
KEPT_IN_RELOAD: keepalive_min_timeout 5s;
VERSION: {{ default .Chart.AppVersion .Values.image.release | quote }}
LIMITS: {{ ternary "on" "off" .Values.gateway.limits | quote }}
TRUSTED_PROXIES: {{ join "," .Values.gateway.trustedProxies | quote }}
TRUSTED_ADDRESSES: ""
TRUSTED_NETWORKS: ""
STATIC: /etc/frontrow/static
MEDIA: /etc/frontrow/media
{{- end }}
