{{/*
One of the four: its Deployment, disruption budget, and how it grows. It gets root, component, port, portName, settings,
and for what is of one only, volumes and mounts.
*/}}

{{- define "carrel.workload" -}}
{{- $values := index .root.Values .component -}}
{{- $name := printf "%s-%s" .root.Release.Name .component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels: {{- include "carrel.labels" . | nindent 4 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels: {{- include "carrel.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "carrel.labels" . | nindent 8 }}
      {{- with include "carrel.pod.annotations" . | trim }}
      annotations: {{- . | nindent 8 }}
      {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      # A process finishes what runs in less than ten seconds, by itself: no hook is needed before.
      terminationGracePeriodSeconds: 15
      securityContext: {{- include "carrel.pod.security" . | nindent 8 }}
      topologySpreadConstraints:
        {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ $key }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "carrel.selector" $ | nindent 14 }}
        {{- end }}
      {{- with include "carrel.pod.placement" . }}
      {{- . | nindent 6 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "carrel.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [carrel-{{ .component }}, serve]
          env:
            - name: CARREL_HEALTH__ADDRESS
              value: {{ printf "%s:9090" .root.Values.listen | quote }}
            {{- include "carrel.settings.telemetry" .root | nindent 12 }}
            {{- .settings | trim | nindent 12 }}
            {{- range $variable, $value := $values.env }}
            - name: {{ $variable }}
              value: {{ $value | quote }}
            {{- end }}
          ports:
            - {name: {{ .portName }}, containerPort: {{ .port }}}
            - {name: health, containerPort: 9090}
          # Live: it answers. Ready: it serves, though perhaps less than it should, which the answer says.
          livenessProbe:
            httpGet: {path: /live, port: health}
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 3
          readinessProbe:
            httpGet: {path: /ready, port: health}
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          resources: {{- toYaml $values.resources | nindent 12 }}
          securityContext: {{- include "carrel.container.security" . | nindent 12 }}
          {{- with .mounts | trim }}
          volumeMounts: {{- . | nindent 12 }}
          {{- end }}
      {{- with .volumes | trim }}
      volumes: {{- . | nindent 8 }}
      {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels: {{- include "carrel.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "carrel.selector" . | nindent 6 }}
{{- if $values.autoscaling.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels: {{- include "carrel.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name }}}
  minReplicas: {{ $values.autoscaling.min }}
  maxReplicas: {{ $values.autoscaling.max }}
  metrics:
    {{- if eq ($values.autoscaling.by | default "cpu") "sockets" }}
    - type: Pods
      pods:
        metric: {name: carrel_sockets}
        target: {type: AverageValue, averageValue: {{ $values.autoscaling.socketsPerPod | quote }}}
    {{- else }}
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ $values.autoscaling.cpuPercent }}}
    {{- end }}
  behavior:
    # Each pod that goes has its streams move elsewhere, so not many at once and not for a short lull.
    scaleDown:
      stabilizationWindowSeconds: 600
      policies: [{type: Pods, value: 1, periodSeconds: 120}]
{{- end }}
{{- end }}

{{/* The name of a service that stands for all of its pods: callers look it up, and choose among them by themselves. */}}
{{- define "carrel.headless" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels: {{- include "carrel.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector: {{- include "carrel.selector" . | nindent 4 }}
  ports:
    - {name: {{ .portName }}, port: {{ .port }}, targetPort: {{ .portName }}}
{{- end }}
