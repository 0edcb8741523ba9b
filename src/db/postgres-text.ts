/**
 * PostgreSQL refuses text with a NUL in it, which nothing that is stored has, but which people may ask for. What stands
 * for it here is a character that no name may have either, so that the answer is the same as that of SQLite: there is none.
 */
export function withoutNul(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uffff') : value
}
