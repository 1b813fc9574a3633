{{/* What things are called, and by what they are found. */}}

{{- define "carrel.selector" -}}
app.kubernetes.io/name: carrel
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "carrel.labels" -}}
{{ include "carrel.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: carrel
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "carrel.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "carrel.publicKeys" -}}
{{- if .Values.keys.public -}}
{{ .Release.Name }}-public-keys
{{- else -}}
{{ required "set keys.public to what \"carrel-presence keys public\" prints, or keys.publicConfigMap" .Values.keys.publicConfigMap }}
{{- end -}}
{{- end }}

{{/* The address of a service, which stands for all of its replicas. */}}
{{- define "carrel.upstream" -}}
{{ if .root.Values.tls.secret }}https{{ else }}http{{ end }}://{{ .root.Release.Name }}-{{ .service }}:{{ .port }}
{{- end }}
