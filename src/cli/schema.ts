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
    if (error instanceof SchemaError || error instanceof UnreadableError) return error.problems
    /* c8 ignore next 2 -- a fault of Latchkey's, not of the files */
    throw error
  }
}

function loadFiles(files: string[]): GraphQLSchema {
  const read = files.map(readSdl)
  const problems = read.flatMap(({ problem }) => problem ?? [])
  if (problems.length > 0) throw new UnreadableError(problems)
  return loadSchema(read.map(({ text }) => text))
}

/** What is wrong with files that are no SDL, a sentence each: of the others nothing can be told without them. */
class UnreadableError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** A file's SDL, or where it is not SDL, or why there is none. */
function readSdl(file: string): { text: string; problem?: string } {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
    parse(new Source(text, file))
    return { text }
  } catch (error) {
    const { message, locations } = error as GraphQLError // or of the file system, which has no locations
    if (locations === undefined) return { text, problem: printable(message) }
    const where = locations.map(({ line, column }) => `:${line}:${column}`) // a syntax error has one
    return { text, problem: printable(`${file}${where}: ${message}`) }
  }
}
