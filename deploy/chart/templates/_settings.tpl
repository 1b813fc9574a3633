{{/* The settings of the programs, as environment variables. */}}

{{- define "carrel.settings.postgres" -}}
- name: CARREL_POSTGRES__URL
  valueFrom:
    secretKeyRef: {name: {{ .Values.postgres.secret.name }}, key: {{ .Values.postgres.secret.key }}}
- name: CARREL_POSTGRES__TLS
  value: {{ .Values.postgres.tls | quote }}
{{- if eq .Values.postgres.tls "require" }}
- name: CARREL_POSTGRES__CA_FILE
  value: {{ if .Values.postgres.caSecret }}/etc/carrel/postgres/ca.crt{{ else }}/etc/ssl/certs/ca-certificates.crt{{ end }}
{{- end }}
{{- end }}

{{- define "carrel.settings.redis" -}}
- name: CARREL_REDIS__TOPOLOGY
  value: {{ .Values.redis.topology }}
- name: CARREL_REDIS__URLS
  value: {{ .Values.redis.urls | toJson | quote }}
- name: CARREL_REDIS__SENTINEL_MASTER
  value: {{ .Values.redis.sentinelMaster | quote }}
- name: CARREL_REDIS__USERNAME
  value: {{ .Values.redis.username | quote }}
- name: CARREL_REDIS__TLS
  value: {{ .Values.redis.tls | quote }}
{{- if .Values.redis.caSecret }}
- name: CARREL_REDIS__CA_FILE
  value: /etc/carrel/redis/ca.crt
{{- end }}
- name: CARREL_REDIS__KEY
  valueFrom:
    secretKeyRef: {name: {{ .Values.redis.secret }}, key: key}
{{- range $setting, $key := dict "PASSWORD" "password" "SENTINEL_PASSWORD" "sentinel-password" "PREVIOUS_KEYS" "previous-keys" }}
- name: CARREL_REDIS__{{ $setting }}
  valueFrom:
    secretKeyRef: {name: {{ $.Values.redis.secret }}, key: {{ $key }}, optional: true}
{{- end }}
{{- end }}

{{/* Where traces, metrics and logs go, and which part of the traces is made. */}}
{{- define "carrel.settings.telemetry" -}}
- name: CARREL_TELEMETRY__SAMPLE_RATIO
  value: {{ .Values.telemetry.sampleRatio | quote }}
{{- with .Values.telemetry.endpoint }}
- name: CARREL_TELEMETRY__OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{/* TLS of a service's own port: only callers that show a certificate are let in. */}}
{{- define "carrel.settings.serverTls" -}}
{{- if .Values.tls.secret }}
- name: CARREL_GRPC__TLS__CERTIFICATE
  value: /etc/carrel/tls/tls.crt
- name: CARREL_GRPC__TLS__KEY
  value: /etc/carrel/tls/tls.key
- name: CARREL_GRPC__TLS__CLIENT_CA
  value: /etc/carrel/tls/ca.crt
{{- end }}
{{- end }}

{{/* TLS towards the services that are called. */}}
{{- define "carrel.settings.clientTls" -}}
{{- if .Values.tls.secret }}
- name: CARREL_UPSTREAM__TLS__CA
  value: /etc/carrel/tls/ca.crt
- name: CARREL_UPSTREAM__TLS__CERTIFICATE
  value: /etc/carrel/tls/tls.crt
- name: CARREL_UPSTREAM__TLS__KEY
  value: /etc/carrel/tls/tls.key
{{- end }}
{{- end }}
