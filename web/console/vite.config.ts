import { createHash } from 'node:crypto'
import { formatDocument, stringifyDocument } from '@urql/core'
import { type DocumentNode, Kind } from 'graphql'
import type { Plugin } from 'vite'
import { configOf } from '../vite.ts'
import * as operations from './api/operations.ts'

const config = configOf('console')

export default { ...config, plugins: [...(config.plugins ?? []), writeManifest()] }

/**
 * Writes the documents that the console sends, by their hashes, into `operations.json`: a server that runs known operations
 * alone knows these. They have the very text that urql sends, which asks for `__typename` as its cache needs it.
 */
function writeManifest(): Plugin {
  return {
    name: 'latchkey-manifest',
    apply: 'build',
    generateBundle() {
      const documents: DocumentNode[] = Object.values(operations)
      const manifest = Object.fromEntries(
        documents
          .filter(({ definitions }) => definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION))
          // Formatted, it is a document still; its type is one that leaves nothing optional.
          .map((document) => stringifyDocument(formatDocument(document) as DocumentNode))
          .map((text) => [createHash('sha256').update(text).digest('hex'), text]),
      )
      this.emitFile({
        type: 'asset',
        fileName: 'operations.json',
        source: `${JSON.stringify(manifest, null, 2)}\n`,
      })
    },
  }
}
