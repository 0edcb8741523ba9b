import { createHash } from 'node:crypto'
import type { GraphQLFormattedError } from 'graphql'
import { LRUCache } from 'lru-cache'
import { LatchkeyError } from '../errors.ts'
import type { Executor } from './execute.ts'
import { readManifest } from './persisted-manifest.ts'

/** The document of a request: itself, by its SHA-256 in hexadecimal (or its id in a manifest), or both. */
interface DocumentReference {
  query: string | null
  hash: string | null
}

/** Reads a document, however it is named. */
export type PreparePersisted = (
  reference: DocumentReference,
  operationName: string | null,
  isSocket: boolean,
) => ReturnType<Executor['prepare']>

/** Has documents named by their hash; `warn` hears which of the manifest cannot run. Throws where a file is no manifest. */
export function preparePersisted(
  prepare: Executor['prepare'],
  options: Omit<PersistedQueriesOptions, 'manifest'> & {
    manifestFiles: readonly string[]
    warn: (id: string, errors: readonly GraphQLFormattedError[]) => void
  },
): PreparePersisted {
  const { manifestFiles, warn } = options
  const manifest = new Map(manifestFiles.flatMap((file) => [...readManifest(file)]))
  for (const [id, body] of manifest) {
    const operation = prepare(body, null, true)
    if ('errors' in operation) warn(id, operation.errors)
  }
  const persisted = createPersistedQueries({ ...options, manifest })

  return (reference, operationName, isSocket) => {
    const source = persisted.find(reference)
    if (typeof source !== 'string') {
      return { errors: [{ message: source.message, extensions: source.extensions }] }
    }
    const operation = prepare(source, operationName, isSocket)
    if (reference.hash !== null && 'kind' in operation) persisted.keep(reference)
    return operation
  }
}

/** Documents that clients name by their hash once they are known. */
interface PersistedQueries {
  /** The document that a request means, or why there is none: what is unknown is never read. */
  find(reference: DocumentReference): string | LatchkeyError
  /** Keeps a document that came with its hash, for those that name it by that alone. Call it with what can run. */
  keep(reference: DocumentReference): void
}

interface PersistedQueriesOptions {
  /** `on`: clients may have any kept. `off`: none. `only`: nothing runs but what the manifest has. */
  mode: 'on' | 'off' | 'only'
  /** Documents that are known from the start, by their ids. */
  manifest: ReadonlyMap<string, string>
  /** How many are kept on top, and with how many characters in all. */
  max: number
  maxCharacters: number
}

function createPersistedQueries(options: PersistedQueriesOptions): PersistedQueries {
  const { mode, manifest, max, maxCharacters } = options
  const kept = new LRUCache<string, string>({
    max,
    maxSize: maxCharacters,
    sizeCalculation: (document, hash) => document.length + hash.length,
  })
  const documents = new Set(manifest.values())

  function findTrusted({ query, hash }: DocumentReference): string | LatchkeyError {
    const named = hash === null ? undefined : manifest.get(hash)
    if (named !== undefined) return named
    return query !== null && documents.has(query) ? query : untrusted()
  }

  function findAny(query: string | null, hash: string): string | LatchkeyError {
    const known = manifest.get(hash) ?? kept.get(hash)
    if (known !== undefined) return known
    if (query === null) return notFound()
    return createHash('sha256').update(query).digest('hex') === hash ? query : anotherHash()
  }

  return {
    find(reference) {
      const { query, hash } = reference
      if (mode === 'only') return findTrusted(reference)
      if (hash !== null && mode === 'on') return findAny(query, hash)
      return query ?? notSupported()
    },
    keep({ query, hash }) {
      if (mode === 'on' && query !== null && hash !== null && !manifest.has(hash)) kept.set(hash, query)
    },
  }
}

/** Clients match on the message: they send the document along then. */
function notFound(): LatchkeyError {
  return new LatchkeyError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound')
}

/** Here too: they send no hashes any more. */
function notSupported(): LatchkeyError {
  return new LatchkeyError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported')
}

function untrusted(): LatchkeyError {
  return new LatchkeyError(
    'PERSISTED_QUERY_NOT_FOUND',
    'This server runs the operations of its manifest alone, and this is none of them.',
  )
}

function anotherHash(): LatchkeyError {
  return new LatchkeyError('BAD_REQUEST', 'The hash of the persisted query is not the SHA-256 of the query.')
}
