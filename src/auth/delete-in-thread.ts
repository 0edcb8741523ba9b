import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Deleted, DeleteOptions, EndedBefore } from './delete-ended.ts'

/** What the thread is to do. */
export interface ThreadTask {
  url: string
  before: EndedBefore
}

/** What the thread says: how far it is, and at last what it did. */
export type ThreadReport = { tokens: number } | { deleted: Deleted }

/** A source in a clone, and compiled in the package. */
const threadFile = new URL(`./delete-ended-thread${extname(import.meta.url)}`, import.meta.url)

/**
 * Deletes what has ended in a thread with connections of its own, whose writing and syncing holds no request up. It ends
 * before this settles. It does not keep the process, unless it was told to stop and that is waited for.
 */
export function deleteInThread(
  url: string,
  before: EndedBefore,
  { onProgress, signal }: Pick<DeleteOptions, 'onProgress' | 'signal'>,
): Promise<Deleted> {
  const { promise, resolve, reject } = Promise.withResolvers<Deleted>()
  const thread = new Worker(threadFile, {
    workerData: { url, before } satisfies ThreadTask,
    // What is to be loaded first is for threads as well; other flags, such as `--input-type`, may refuse to be.
    execArgv: process.execArgv.filter((flag) => flag.startsWith('--import=')),
  })
  thread.unref()
  const stop = (): void => {
    thread.ref()
    thread.postMessage('stop')
  }
  signal?.addEventListener('abort', stop)
  let result: Deleted | undefined
  thread.on('message', (report: ThreadReport) => {
    if ('deleted' in report) result = report.deleted
    else onProgress?.(report.tokens)
  })
  thread.on('error', reject)
  thread.on('exit', () => {
    signal?.removeEventListener('abort', stop)
    if (result === undefined) reject(signal?.reason)
    else resolve(result)
  })
  return promise
}
