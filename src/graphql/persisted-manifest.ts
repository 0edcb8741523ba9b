import { readFileSync } from 'node:fs'

/**
 * Reads which documents a manifest has, by their ids: that of Apollo (`{ format: "apollo-persisted-query-manifest",
 * operations: [{ id, body }] }`), or a JSON object of documents by their hashes, as graphql-codegen and Relay write it.
 * Throws an `Error` that says what is wrong with the file.
 */
export function readManifest(file: string): ReadonlyMap<string, string> {
  const entries = toEntries(parse(file))
  if (entries === null) {
    throw new Error(
      `${file} is no manifest of persisted queries: neither Apollo's, nor a JSON object of documents by their hashes.`,
    )
  }
  return new Map(entries)
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(code === undefined ? `${file} is no JSON.` : `${file} cannot be read (${code}).`, {
      cause: error,
    })
  }
}

function toEntries(manifest: unknown): [string, string][] | null {
  if (!isObject(manifest)) return null
  const { format, operations } = manifest
  if (format === undefined) return areTexts(Object.entries(manifest))
  if (format !== 'apollo-persisted-query-manifest' || !Array.isArray(operations)) return null
  return areTexts(operations.map((operation) => (isObject(operation) ? [operation.id, operation.body] : [])))
}

function areTexts(entries: unknown[][]): [string, string][] | null {
  const isRight = (entry: unknown[]): entry is [string, string] =>
    typeof entry[0] === 'string' && typeof entry[1] === 'string'
  return entries.every(isRight) ? entries : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
