import type { UserQuery } from '../../api/operations.ts'

/** An account as the page of administrators has it. */
export type User = NonNullable<UserQuery['user']>
