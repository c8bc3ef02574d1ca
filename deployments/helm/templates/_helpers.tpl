{{- define "commandcenter.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end }}

{{- define "commandcenter.labels" -}}
app.kubernetes.io/name: commandcenter
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "commandcenter.pod" -}}
serviceAccountName: {{ .Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "commandcenter.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
{{- end }}

{{- define "commandcenter.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "commandcenter.environment" -}}
- {name: PREFECT_API_URL, value: "http://{{ .Release.Name }}-server:4200/api"}
- {name: PREFECT_UI_URL, value: {{ .Values.prefectUiUrl | quote }}}
{{- with .Values.apiUrl }}
- {name: COMMANDCENTER_API_URL, value: {{ . | quote }}}
{{- end }}
- {name: DATABASE_URL_FILE, value: /run/secrets/commandcenter/database_url}
- {name: PREFECT_API_AUTH_STRING_FILE, value: /run/secrets/commandcenter/prefect_auth}
- {name: COMMANDCENTER_SIGNING_KEY_FILE, value: /run/secrets/commandcenter/signing.key}
- {name: COMMANDCENTER_ALLOW_PLAINTEXT, value: {{ .Values.allowPlaintext | quote }}}
- {name: COMMANDCENTER_PROJECT_ID, value: {{ .Values.projectId | quote }}}
- {name: COMMANDCENTER_LOG_FORMAT, value: {{ .Values.logFormat }}}
{{- end }}

{{- define "commandcenter.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: state, mountPath: /var/lib/commandcenter}
- {name: secrets, mountPath: /run/secrets/commandcenter, readOnly: true}
{{- end }}

{{- /* Only the keys that the part needs: root, keys. */ -}}
{{- define "commandcenter.volumes" -}}
- {name: tmp, emptyDir: {}}
- {name: state, emptyDir: {}}
- name: secrets
  secret:
    secretName: {{ .root.Values.secretName }}
    defaultMode: 0440
    items:
{{- range .keys }}
      - {key: {{ . }}, path: {{ . }}}
{{- end }}
{{- end }}

{{- define "commandcenter.probes" -}}
startupProbe:
  exec: {command: [python3, -P, -m, deployments.images.health]}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 60
livenessProbe:
  exec: {command: [python3, -P, -m, deployments.images.health]}
  periodSeconds: 15
  timeoutSeconds: 10
  failureThreshold: 4
readinessProbe:
  exec: {command: [python3, -P, -m, deployments.images.health]}
  periodSeconds: 15
  timeoutSeconds: 10
{{- end }}
