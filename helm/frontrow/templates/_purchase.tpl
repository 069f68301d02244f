{{/*
A pod that buys one seat as a fan does, at the address of `url`. Takes `dict "root" $ "component" "buy"
"url" "https://..."`.
*/}}
{{- define "frontrow.purchase" -}}
{{- $test := .root.Values.test -}}
restartPolicy: Never
activeDeadlineSeconds: 900
{{ include "frontrow.podSettings" (merge (dict "grace" 45 "priority" "workers") .) }}
containers:
  - name: buy
    image: {{ include "frontrow.image" .root }}
    command: [python, manage.py, buy, --base-url, {{ .url | quote }}, --concert, {{ $test.concert | quote }}, --fan, {{ $test.fan | quote }}, --seats, "1"]
    envFrom: {{- include "frontrow.envFrom" . | nindent 6 }}
    env:
      {{- include "frontrow.env" . | nindent 6 }}
      - name: FRONTROW_PASSWORD
        valueFrom: {secretKeyRef: {name: {{ $test.passwordSecret }}, key: FRONTROW_PASSWORD}}
    securityContext: {{- include "frontrow.containerSecurity" .root | nindent 6 }}
    resources: {{- toYaml .root.Values.tasks.resources | nindent 6 }}
    volumeMounts: {{- include "frontrow.mounts" .root | nindent 6 }}
volumes: {{- include "frontrow.volumes" . | nindent 2 }}
{{- end }}
