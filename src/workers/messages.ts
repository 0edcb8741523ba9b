import type { Lease, LeaseRequest } from '../http/leased-counter.ts'

/** What a worker tells the primary. */
export type ToPrimary =
  /** It listens; the lines are what a process says that is alone. */
  | { kind: 'ready'; announcement: string[] }
  /** It cannot start, and why, as an operator is told. */
  | { kind: 'failed'; sentence: string }
  | { kind: 'lease'; id: number; request: LeaseRequest }

/** What the primary tells a worker. */
export type ToWorker =
  /** Idle connections are kept for `graceMs`, so that clients have time to go elsewhere. */
  { kind: 'stop'; cause: string; graceMs: number } | { kind: 'lease'; id: number; lease: Lease }

/** The variable in which a worker finds its number, from 1 on. */
export const workerVariable = 'LATCHKEY_WORKER'

/** For what cannot be sent any more, because the other process is about to end or has ended: that is dealt with there. */
export function ignore(): void {}
