import type { Lease, LeaseRequest } from '../http/leased-counter.ts'
import type { Snapshot } from '../metrics/registry.ts'
import type { QuestionKind } from './questions.ts'

/** What a worker tells the primary. */
export type ToPrimary =
  /** It listens; the lines are what a process says that is alone. */
  | { kind: 'ready'; announcement: string[] }
  /** It cannot start, and why, as an operator is told. */
  | { kind: 'failed'; sentence: string }
  | { kind: 'lease'; id: number; request: LeaseRequest }
  | { kind: 'answer'; id: number; answer: unknown }
  /** What it has counted, the last it says. */
  | { kind: 'counted'; snapshot: Snapshot }

/** What the primary tells a worker. */
export type ToWorker =
  /** After `delayMs`, see `Service`. Idle connections are kept for `graceMs` then, so that clients have time to go elsewhere. */
  | { kind: 'stop'; cause: string; delayMs: number | null; graceMs: number }
  | { kind: 'lease'; id: number; lease: Lease }
  | { kind: 'ask'; id: number; question: QuestionKind }

/** The variable in which a worker finds its number, from 1 on. */
export const workerVariable = 'LATCHKEY_WORKER'

/** For what cannot be sent any more, because the other process is about to end or has ended: that is dealt with there. */
export function ignore(): void {}
