import { setTimeout as sleep } from 'node:timers/promises'
import type { TracerProvider } from '@opentelemetry/api'

/** Variables of OpenTelemetry's, by any of which spans are asked for. */
const asking = ['OTEL_TRACES_EXPORTER', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']

/** Whether OpenTelemetry's standard variables ask for traces. */
export function wantsTraces(env: Record<string, string | undefined>): boolean {
  const isSet = asking.some((name) => (env[name] ?? '') !== '')
  return isSet && env.OTEL_SDK_DISABLED?.toLowerCase() !== 'true' && env.OTEL_TRACES_EXPORTER !== 'none'
}

/** Sends spans where OpenTelemetry's variables say (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). */
export interface TraceExporter {
  provider: TracerProvider
  /** Sends what is left. */
  stop(): Promise<void>
}

/** How long a collector has for the last spans, in milliseconds. */
const stopLimitMs = 2_000

/** Throws an `Error` that says which variable asks for what there is not. */
export async function startExporter(env: Record<string, string | undefined>): Promise<TraceExporter> {
  const [{ NodeTracerProvider, BatchSpanProcessor, ConsoleSpanExporter }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/resources'),
  ])
  const kind = env.OTEL_TRACES_EXPORTER || 'otlp'
  const protocol =
    env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf'
  if (kind !== 'otlp' && kind !== 'console')
    throw new Error('OTEL_TRACES_EXPORTER must be otlp, console or none.')
  if (protocol !== 'http/protobuf')
    throw new Error('OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, to port 4318 of most collectors.')
  const exporter =
    kind === 'console'
      ? new ConsoleSpanExporter()
      : new (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter()
  const resource = resources
    .resourceFromAttributes({ 'service.name': 'latchkey' })
    .merge(resources.detectResources({ detectors: [resources.envDetector, resources.hostDetector] }))
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] })
  provider.register() // the context of asynchronous work, and W3C's headers
  return {
    provider,
    async stop() {
      const late = new AbortController()
      const giveUp = sleep(stopLimitMs, undefined, { signal: late.signal }).then(() => {
        throw new Error(`the collector has not answered for ${stopLimitMs} ms`)
      })
      try {
        await Promise.race([provider.shutdown(), giveUp])
      } finally {
        late.abort()
        giveUp.catch(() => {})
      }
    },
  }
}
