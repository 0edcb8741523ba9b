import { configOf } from '../vite.ts'

export default configOf('graphiql')
