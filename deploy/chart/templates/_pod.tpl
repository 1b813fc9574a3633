{{/* What all pods have alike. */}}

{{- define "carrel.pod.security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# Secrets' files belong to this group, which may read them.
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "carrel.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What a pod with an engine mounts: its authorities. */}}
{{- define "carrel.volumes.postgres" -}}
{{- if .Values.postgres.caSecret }}
- name: postgres-ca
  secret: {secretName: {{ .Values.postgres.caSecret }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}

{{- define "carrel.mounts.postgres" -}}
{{- if .Values.postgres.caSecret }}
- {name: postgres-ca, mountPath: /etc/carrel/postgres, readOnly: true}
{{- end }}
{{- end }}

{{- define "carrel.volumes.redis" -}}
{{- if .Values.redis.caSecret }}
- name: redis-ca
  secret: {secretName: {{ .Values.redis.caSecret }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}

{{- define "carrel.mounts.redis" -}}
{{- if .Values.redis.caSecret }}
- {name: redis-ca, mountPath: /etc/carrel/redis, readOnly: true}
{{- end }}
{{- end }}

{{- define "carrel.volumes.tls" -}}
{{- if .Values.tls.secret }}
- name: tls
  secret: {secretName: {{ .Values.tls.secret }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "carrel.mounts.tls" -}}
{{- if .Values.tls.secret }}
- {name: tls, mountPath: /etc/carrel/tls, readOnly: true}
{{- end }}
{{- end }}

{{/* What is noted on a pod, and where it is scraped. */}}
{{- define "carrel.pod.annotations" -}}
{{- with .root.Values.podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- if .root.Values.telemetry.scrapeAnnotations }}
prometheus.io/scrape: "true"
prometheus.io/port: "9090"
prometheus.io/path: /metrics
{{- end }}
{{- end }}

{{/* Where a pod may run. */}}
{{- define "carrel.pod.placement" -}}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}
