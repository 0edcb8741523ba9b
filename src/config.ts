import { findContradictions } from './contradictions.ts'
import { type Setting, type SettingName, settings } from './settings.ts'

export { type SettingName, settings } from './settings.ts'

/** All settings, read. */
export type Settings = { [Name in SettingName]: ReturnType<(typeof settings)[Name]['parse']> }

/** Settings as an application writes them: text as in the environment, or the value itself. */
export type SettingsInput = { [Name in SettingName]?: Settings[Name] | string | number | boolean | undefined }

/** Settings of the service alone; an application that registers the plugin decides these for its own server. */
const serverSettings = [
  'host',
  'port',
  'adminHost',
  'adminPort',
  'shutdownDelay',
  'workers',
  'logLevel',
  'trustProxy',
  'tlsCertFile',
  'tlsKeyFile',
  'console',
] as const

/** Settings that the plugin takes as options. */
export type PluginSettings = {
  [Name in Exclude<SettingName, (typeof serverSettings)[number]>]?: Written<Settings[Name]> | undefined
}

/** A value, or the text that the environment would have in its place: `on` for true, `7d` for milliseconds. */
type Written<T> = T | (T extends boolean ? 'on' | 'off' : T extends number | string[] ? string : never)

/** Every wrong setting, by name; a value is never repeated. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      `${problems.length} setting(s) cannot be used:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    )
    this.problems = problems
  }
}

/** Reads all settings from an environment. Throws one `ConfigError` with all that is wrong. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Settings {
  const production = env.NODE_ENV === 'production'
  return readSettings((name) => env[variableOf(name)], variableOf, production)
}

/**
 * Reads settings that an application passes; the defaults are those of `loadConfig`. Refuses names that are no option;
 * `problems` are what the caller found wrong before.
 */
export function readOptions(
  input: PluginSettings,
  production: boolean,
  problems: readonly string[] = [],
): Settings {
  const given = new Map<string, unknown>(Object.entries(input).filter(([, value]) => value !== undefined))
  const strangers = [...given.keys()].flatMap((name) => {
    if ((serverSettings as readonly string[]).includes(name))
      return [`${name} is a setting of the service alone; your own server decides it.`]
    return Object.hasOwn(settings, name) ? [] : [`${name} is not an option of Latchkey.`]
  })
  const asText = (name: SettingName): string | undefined => {
    if (name === 'console') return 'off' // only the service has one
    const value = given.get(name)
    if (value === undefined) return undefined
    if (typeof value === 'boolean') return value ? 'on' : 'off'
    if (Array.isArray(value)) return value.join(',')
    // A number where a duration is read stands for milliseconds.
    return typeof value === 'number' && settings[name].parse.name === 'parseDuration'
      ? `${value}ms`
      : String(value)
  }
  return readSettings(asText, (name) => name, production, [...problems, ...strangers])
}

/** A setting's environment variable. */
export function variableOf(name: string): string {
  return name.replace(/[A-Z]/g, '_$&').toUpperCase()
}

function readSettings(
  find: (name: SettingName) => string | undefined,
  nameOf: (name: SettingName) => string,
  production: boolean,
  found: readonly string[] = [],
): Settings {
  const problems = [...found]
  const entries = (Object.keys(settings) as SettingName[]).map((name) => {
    const given = find(name)?.trim() ?? ''
    try {
      return [name, settings[name].parse(given === '' ? defaultOf(name, production) : given)]
    } catch (error) {
      problems.push(`${nameOf(name)} must be ${(error as Error).message}.`)
      return [name, undefined]
    }
  })
  if (problems.length > 0) throw new ConfigError(problems)
  const read = Object.fromEntries(entries) as Settings
  const contradictions = findContradictions(read, nameOf, production)
  if (contradictions.length > 0) throw new ConfigError(contradictions)
  return read
}

/** What a setting is without anything that says so, as it would be written. */
export function defaultOf(name: SettingName, production: boolean): string {
  const { fallback, production: inProduction } = settings[name] as Setting<unknown>
  return (production ? inProduction : undefined) ?? fallback
}
