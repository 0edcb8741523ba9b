/** The thread that `bcrypt-in-thread.ts` starts. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'
import type { BcryptTask } from './bcrypt-in-thread.ts'

const { input, digest } = workerData as BcryptTask
const starter = parentPort as MessagePort // it is a thread
starter.postMessage(compareSync(input, digest))
