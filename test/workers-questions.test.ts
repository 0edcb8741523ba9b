import t from 'tap'
import { createQuestions } from '../src/workers/questions.ts'

t.test('an answer goes to whoever asked, and one that does not come is null', async (t) => {
  const { ask, receive } = createQuestions(100)
  const ids: number[] = []
  const asked = [ask((id) => ids.push(id)), ask((id) => ids.push(id)), ask((id) => ids.push(id))]
  const [first = 0, second = 0, third = 0] = ids
  receive(second, 'two')
  receive(first, 'one')
  t.strictSame(await Promise.all(asked), ['one', 'two', null])
  receive(third, 'late')
  receive(99, 'never asked')
})
