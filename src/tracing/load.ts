import type { TracerProvider } from '@opentelemetry/api'
import type { Tracing } from './tracing.ts'

/** Tracing for whoever has handed in a provider; all others load nothing of it. */
export async function loadTracing(
  provider: TracerProvider | undefined,
  version: string,
): Promise<Tracing | null> {
  if (provider === undefined) return null
  const { createTracing } = await import('./tracing.ts')
  return createTracing(provider, version)
}
