import { v7 as uuidv7 } from 'uuid'
import type { AuditRow } from '../../src/db/audit.ts'

/** A record of the audit, of nobody in particular unless more is said. */
export function auditRow(at: number, event: string, more: Partial<AuditRow> = {}): AuditRow {
  return {
    id: uuidv7({ msecs: at }),
    at,
    event,
    userId: null,
    actorId: null,
    tokenId: null,
    address: null,
    userAgent: null,
    requestId: null,
    count: null,
    times: 1,
    detail: null,
    ...more,
  }
}
