import { readFileSync, writeFileSync } from 'node:fs'
import { type SettingName, settings, variableOf } from '../src/config.ts'

/** `node scripts/config-table.ts README.md` puts the table of settings between the file's two marks. */
const [file] = process.argv.slice(2)
if (import.meta.main && file !== undefined) writeFileSync(file, withConfigTable(readFileSync(file, 'utf8')))

/** The table of settings, in Markdown. */
export function configTable(): string {
  const rows = Object.keys(settings).map((name) => describe(name as SettingName))
  return ['| variable | default | what it decides | accepted |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}

/** A document with the table between its two marks. */
export function withConfigTable(markdown: string): string {
  return markdown.replace(
    /(<!-- settings -->\n)[\s\S]*?(<!-- \/settings -->)/,
    (_all, start: string, end: string) => `${start}\n${configTable()}\n\n${end}`,
  )
}

function describe(name: SettingName): string {
  const setting = settings[name]
  const byDefault = setting.fallback === '' ? 'none' : `\`${setting.fallback}\``
  const inProduction = 'production' in setting ? `, \`${setting.production}\` in production` : ''
  // What a parser says of what no setting can be: nothing, or a NUL where nothing is something.
  const accepted = refusalOf(setting.parse, '') ?? refusalOf(setting.parse, '\0')
  return `| \`${variableOf(name)}\` | ${byDefault}${inProduction} | ${setting.about} | ${accepted} |`
}

function refusalOf(parse: (text: string) => unknown, text: string): string | undefined {
  try {
    parse(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
