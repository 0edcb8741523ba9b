/** The thread that `delete-in-thread.ts` starts. */
import { constants, setPriority } from 'node:os'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { ThreadReport, ThreadTask } from './delete-in-thread.ts'

/** A million tokens take less than an hour, and the disk is there for others nearly all the time. */
const share = 0.2

// On Linux a thread has a priority of its own: where cores are short, requests go first. Elsewhere it would be the process's.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW)

// Only now, for loading takes more time than a batch.
const { openDatabase } = await import('../db/open.ts')
const { deleteEnded } = await import('./delete-ended.ts')

const { url, before } = workerData as ThreadTask
const starter = parentPort as MessagePort // it is a thread
const tell = (report: ThreadReport): void => starter.postMessage(report)

const database = openDatabase(url)
// A message arrives while a pause or a locked file is waited for, and so between two batches.
starter.once('message', async () => {
  await database.close()
  process.exit()
})
try {
  tell({ deleted: await deleteEnded(database, before, { share, onProgress: (tokens) => tell({ tokens }) }) })
} finally {
  await database.close()
  starter.close()
}
