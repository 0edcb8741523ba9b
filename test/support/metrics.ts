/** Metrics in the text format of Prometheus, read again: each value by its name with its labels. */
export function readMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const match = /^([a-zA-Z_:][\w:]*(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line)
    if (match === null) throw new Error(`This is no line of metrics: ${line}`)
    const [, name = '', value = ''] = match
    if (values.has(name)) throw new Error(`Said twice: ${name}`)
    values.set(name, Number(value))
  }
  return values
}

/** Asks a port for its metrics. */
export async function fetchMetrics(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return readMetrics(await response.text())
}
