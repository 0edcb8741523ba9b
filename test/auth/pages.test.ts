import t from 'tap'
import { readPage } from '../../src/auth/pages.ts'

t.test('where much is looked at and nothing found, the page is empty, and goes on behind it', async (t) => {
  let looked = 0
  const read = async (behind: string | null, limit: number): Promise<number[]> => {
    looked += limit
    return Array.from({ length: limit }, (_, index) => Number(behind ?? 0) + index + 1)
  }
  const page = await readPage(null, { first: 10, read, fits: () => false, cursorOf: String }, (row) => row)
  t.same(page, { items: [], hasNextPage: true, hasPreviousPage: false, endCursor: '10000' })
  t.equal(looked, 10_000)
})
