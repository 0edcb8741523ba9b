import { isUtf8 } from 'node:buffer'
import { LatchkeyError } from '../errors.ts'

/** The parameters of a GraphQL request; null is the same as absent (GraphQL over HTTP §5). */
export interface GraphQLParameters {
  /** The document; null where it is named by its hash alone. */
  query: string | null
  /** Of a persisted query; null for none. */
  hash: string | null
  operationName: string | null
  variables: Record<string, unknown> | null
}

/** `application/json`, in UTF-8 if a charset is named: nothing that a form or a simple request could send. */
const jsonType = /^application\/json *(?:; *charset=(?:utf-8|"utf-8"))?$/i

export function isJsonType(contentType: string | undefined): boolean {
  return contentType === 'application/json' || (contentType !== undefined && jsonType.test(contentType))
}

/** The text of a body; `BAD_REQUEST` where it is not UTF-8. */
export function requireUtf8(body: Buffer): string {
  if (!isUtf8(body)) throw badRequest('The body is not UTF-8.')
  return body.toString('utf8')
}

/** The parameters in a parsed body, or `BAD_REQUEST`. Other properties are ignored. */
export function requireParameters(body: unknown): GraphQLParameters {
  if (Array.isArray(body)) throw badRequest('Batches are not supported: send one operation per request.')
  if (!isObject(body)) throw badRequest('The body must be a JSON object with a "query".')
  const { query, operationName, variables, extensions } = body
  if (!isAbsent(operationName) && typeof operationName !== 'string')
    throw badRequest('"operationName" must be text.')
  if (!isAbsent(variables) && !isObject(variables)) throw badRequest('"variables" must be a JSON object.')
  if (!isAbsent(extensions) && !isObject(extensions)) throw badRequest('"extensions" must be a JSON object.')
  const hash = isAbsent(extensions) ? null : readHash(extensions.persistedQuery)
  const isNamed = hash !== null && (isAbsent(query) || query === '')
  if (!isNamed && typeof query !== 'string') throw badRequest('"query" must be text with a GraphQL document.')
  return {
    query: isNamed ? null : (query as string), // looked at above
    hash,
    // Some clients send an empty name for none.
    operationName: typeof operationName === 'string' && operationName !== '' ? operationName : null,
    variables: isObject(variables) ? variables : null,
  }
}

/** The hash of a persisted query, as Apollo Client and urql send it. */
function readHash(persistedQuery: unknown): string | null {
  if (isAbsent(persistedQuery)) return null
  const { version, sha256Hash } = isObject(persistedQuery) ? persistedQuery : {}
  if (version !== 1 || typeof sha256Hash !== 'string' || sha256Hash.length > maxHashCharacters) {
    throw badRequest('"extensions.persistedQuery" must have "version" 1 and a "sha256Hash".')
  }
  return sha256Hash
}

/** More than any hash has; ids in manifests may be something else. */
const maxHashCharacters = 256

/** The parameters in a URL's query, of which `variables` and `extensions` are JSON. */
export function requireQueryParameters(
  search: Record<string, unknown>,
  parseJson: (text: string) => unknown,
): GraphQLParameters {
  return requireParameters({
    ...search,
    variables: parseParameter('variables', search.variables, parseJson),
    extensions: parseParameter('extensions', search.extensions, parseJson),
  })
}

function parseParameter(name: string, text: unknown, parseJson: (text: string) => unknown): unknown {
  if (text === undefined || text === '') return undefined
  if (typeof text !== 'string') throw badRequest(`"${name}" may stand in the URL once.`)
  try {
    return parseJson(text)
  } catch {
    throw badRequest(`"${name}" in the URL must be JSON.`)
  }
}

export function badRequest(message: string): LatchkeyError {
  return new LatchkeyError('BAD_REQUEST', message)
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
