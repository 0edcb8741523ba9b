import { globSync } from 'node:fs'

/** What has to be covered, whichever test does it: the product. Examples and tools are run by tests, not measured. */
const product = globSync(['bin/*.js', 'clients/*.ts', 'migrations/*.ts', 'src/**/*.ts'])

export default () => product
