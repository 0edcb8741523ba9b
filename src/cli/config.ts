import type { Command } from 'commander'
import { describeSettings } from '../effective-settings.ts'
import { readEnvironment } from './environment.ts'
import { print, printable, printList } from './output.ts'

/** `latchkey config`. */
export function addConfigCommand(program: Command): void {
  program
    .command('config')
    .description('Print the settings in force, where each comes from, and secrets masked.')
    .option('--json', 'as JSON')
    .action(async (options: { json?: true }) => {
      const { variables, originOf } = readEnvironment()
      const lines = describeSettings(variables).map((setting) => ({
        variable: setting.variable,
        value: setting.secret ? mask(setting.text) : setting.text,
        origin: originOf(setting.variable),
      }))
      if (options.json) return printList([lines], true)
      await print(
        lines.map(({ variable, value, origin }) => `${variable}=${printable(value)}  # ${origin}\n`).join(''),
      )
    })
}

/** What may be a password goes; the address of a database file holds none, nor does a word such as `log`. */
function mask(text: string): string {
  return text.replace(/^(?!sqlite:|log$|off$).+/s, '***')
}
