/** The settings that say where something listens, by name. */
export interface Listening {
  host: string
  port: number
  /** How the settings are called. */
  names: { host: string; port: string }
}

/** Why it cannot listen there, as an `Error` whose sentence says what to do. */
export function explainListening(error: unknown, { host, port, names }: Listening): Error {
  const sentences: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what uses it, or set ${names.port} to another.`,
    EACCES: `Port ${port} is not for this user. Set ${names.port} to one from 1024 up.`,
    EADDRNOTAVAIL: `${names.host} ${host} is not an address of this machine.`,
    ENOTFOUND: `${names.host} ${host} is not an address, nor a name that has one.`,
    EAI_AGAIN: `${names.host} ${host} is not an address, and no name server can be asked for it.`,
  }
  const { code = '', message } = error as NodeJS.ErrnoException
  return new Error(sentences[code] ?? `Cannot listen on ${host}, port ${port}: ${message}`, { cause: error })
}
