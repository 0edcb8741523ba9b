import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { type GraphQLError, type GraphQLSchema, introspectionFromSchema, parse, Source } from 'graphql'
import { loadSchema, SchemaError } from '../graphql/schema.ts'
import { print, printable, printOutcome, warn } from './output.ts'
import { printSdl } from './sdl.ts'

interface Options {
  json?: true
}

/** `latchkey schema print|check`. */
export function addSchemaCommands(program: Command): void {
  const schema = program
    .command('schema')
    .description("See Latchkey's schema merged with an application's, and whether it keeps the rules.")

  schema
    .command('print [files...]')
    .description('Print the merged schema, with its directives.')
    .option('--json', 'as the result of an introspection query')
    .action((files: string[], { json }: Options) => {
      const merged = loadFiles(files)
      return print(json ? `${JSON.stringify(introspectionFromSchema(merged))}\n` : printSdl(merged))
    })

  schema
    .command('check [files...]')
    .description(
      'Name everything in which the merged schema breaks the rules; the service would not start with it.',
    )
    .option('--json', 'as JSON')
    .action(async (files: string[], { json }: Options) => {
      const problems = findProblems(files)
      if (problems.length > 0) process.exitCode = 1
      if (json || problems.length === 0) {
        return printOutcome({ ok: problems.length === 0, problems }, json, 'The schema keeps all rules.')
      }
      for (const problem of problems) warn(problem)
    })
}

function findProblems(files: string[]): readonly string[] {
  try {
    loadFiles(files)
    return []
  } catch (error) {
    return error instanceof SchemaError ? error.problems : [(error as Error).message]
  }
}

function loadFiles(files: string[]): GraphQLSchema {
  return loadSchema(files.map(readSdl))
}

/** A file's SDL, or the error that says where it is not SDL. */
function readSdl(file: string): string {
  const text = readFileSync(file, 'utf8')
  try {
    parse(new Source(text, file))
    return text
  } catch (error) {
    // A syntax error, which has one location: nothing else comes from `parse`.
    const { message, locations } = error as GraphQLError
    const where = locations?.map(({ line, column }) => `:${line}:${column}`)
    throw new Error(printable(`${file}${where}: ${message}`), { cause: error })
  }
}
