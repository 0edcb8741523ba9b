import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

/** What the thread is to compare. */
export interface BcryptTask {
  input: string
  digest: string
}

/** A source in a clone, and compiled in the package. */
const threadFile = new URL(`./bcrypt-thread${extname(import.meta.url)}`, import.meta.url)

/**
 * Compares with a bcrypt digest in a thread of its own, which each imported account needs once: the package is plain
 * JavaScript, for which no platform lacks a binary, and would hold the event loop for a third of a second.
 */
export function compareBcryptInThread(task: BcryptTask): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(threadFile, {
      workerData: task,
      // As for the thread that deletes: what is to be loaded first is for threads as well.
      execArgv: process.execArgv.filter((flag) => flag.startsWith('--import=')),
    })
    thread.on('message', resolve)
    thread.on('error', reject)
  })
}
