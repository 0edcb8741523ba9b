/** The known name that is at most two edits away; one for short names, which have many neighbours. */
export function findNearest(variable: string, known: readonly string[]): string | undefined {
  const limit = variable.length < 8 ? 1 : 2
  const [nearest] = known
    // The difference in length is the least distance: most names need no further look.
    .filter((name) => name.length > 4 && Math.abs(name.length - variable.length) <= limit)
    .filter((name) => countStrangers(variable, name) <= limit)
    .map((name) => ({ name, distance: countEdits(variable, name) }))
    .filter(({ distance }) => distance <= limit)
    .sort((one, other) => one.distance - other.distance)
  return nearest?.name
}

/** Characters that the other name has nowhere: each is an edit at the least, and quickly found. */
function countStrangers(from: string, to: string): number {
  let count = 0
  for (const character of from) if (!to.includes(character)) count++
  return count
}

/** How many characters have to be put in, taken out, replaced or swapped with their neighbour (optimal string alignment). */
function countEdits(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  // Only rows and columns that are filled are asked for: a swap needs two characters on either side.
  const at = (row: number, column: number): number => (rows[row] as number[])[column] as number
  for (let row = 1; row <= from.length; row++) {
    const edits = [row]
    rows.push(edits)
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      edits.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (same ? 0 : 1),
          swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
  }
  return at(from.length, to.length)
}
