/** Who has how many: members by the key under which they are counted. */
export interface Groups<Member> {
  /** Counts a member under this key, and no longer under the one before; answers how many have it now. */
  enter(member: Member, key: string): number
  leave(member: Member): void
  /** A copy, so that who goes through it may send them away. */
  of(key: string): readonly Member[]
}

export function createGroups<Member extends object>(): Groups<Member> {
  const groups = new Map<string, Set<Member>>()
  const keys = new Map<Member, string>()

  function leave(member: Member): void {
    const key = keys.get(member)
    if (key === undefined) return
    keys.delete(member)
    const group = groups.get(key) as Set<Member> // whoever has a key is in its group
    group.delete(member)
    if (group.size === 0) groups.delete(key)
  }

  return {
    enter(member, key) {
      leave(member)
      const group = groups.get(key) ?? new Set()
      groups.set(key, group.add(member))
      keys.set(member, key)
      return group.size
    },
    leave,
    of: (key) => [...(groups.get(key) ?? [])],
  }
}
