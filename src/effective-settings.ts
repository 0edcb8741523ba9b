import { defaultOf, loadConfig, type SettingName, settings, variableOf } from './config.ts'
import { findNearest } from './nearest.ts'

/** A setting in force, as it would be written in an environment. */
export interface EffectiveSetting {
  variable: string
  text: string
  /** Whether the environment says so, or a default. */
  given: boolean
  secret: boolean
}

/** Every setting in force. Throws a `ConfigError` with all that is wrong. */
export function describeSettings(env: Readonly<Record<string, string | undefined>>): EffectiveSetting[] {
  loadConfig(env)
  return (Object.keys(settings) as SettingName[]).map((name) => {
    const variable = variableOf(name)
    const given = env[variable]?.trim() ?? ''
    const { secret = false } = settings[name] as { secret?: true }
    const text = given === '' ? defaultOf(name, env.NODE_ENV === 'production') : given
    return { variable, text, given: given !== '', secret }
  })
}

/** Variables that look like settings but are none, a sentence each, with the setting that may have been meant. */
export function findUnknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(settings).map(variableOf)
  const families =
    /^(WEBHOOK|PERSISTED|TOKEN|PERSONAL|PASSWORD|RATE_LIMIT|QUERY|STALE|SIGN_UP|MAIL|SMTP|CORS|TRUST|TLS|GRAPHQL|GRAPHIQL|INTROSPECTION|DATABASE|REDIS|AUDIT|SOCKET|ADMIN|METRICS|OVERLOAD|SHUTDOWN)(_|$)/
  return Object.keys(env)
    .filter((variable) => !known.includes(variable) && variable !== 'SSL_CERT_FILE') // OpenSSL's own
    .flatMap((variable) => {
      const meant = findNearest(variable, known)
      if (meant !== undefined) return [`${variable} is not a setting of Latchkey. Did you mean ${meant}?`]
      if (!families.test(variable)) return []
      return [`${variable} is not a setting of Latchkey; \`latchkey config\` lists them.`]
    })
}
