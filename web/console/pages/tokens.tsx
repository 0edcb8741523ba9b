import { useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'
import { Page } from '../parts/page.tsx'
import { Pages } from '../parts/pages.tsx'
import { Secret } from '../parts/secret.tsx'
import { Notice } from '../parts/states.tsx'
import { dayOf } from '../parts/time.ts'
import { type IssuedToken, NewToken } from './tokens/new-token.tsx'
import { TokenList } from './tokens/token-list.tsx'

/** The reader's tokens for scripts and machines. */
export function TokensPage() {
  const [isMaking, setMaking] = useState(false)
  const [issued, setIssued] = useState<IssuedToken | null>(null)
  return (
    <Page
      title="Personal tokens"
      about="For scripts and machines that act for you. Each may do only what you allow it."
      actions={
        <Button kind="primary" onClick={() => setMaking(true)}>
          <Icon name="plus" />
          New token
        </Button>
      }
    >
      {issued && <Issued issued={issued} onDone={() => setIssued(null)} />}
      <Pages>{(after, more) => <TokenList after={after} more={more} />}</Pages>
      {isMaking && (
        <NewToken
          onClose={() => setMaking(false)}
          onIssued={(token) => {
            setIssued(token)
            setMaking(false)
          }}
        />
      )}
    </Page>
  )
}

function Issued({ issued: { token, tokenInfo }, onDone }: { issued: IssuedToken; onDone: () => void }) {
  return (
    <section className="issued" aria-label="The new token">
      <Notice tone="good">
        <strong>“{tokenInfo.name}” is ready.</strong> Copy it now: it is shown this once, and works until{' '}
        {dayOf(tokenInfo.expiresAt)}.
      </Notice>
      <Secret label="The new token" value={token} />
      <Button kind="quiet" onClick={onDone}>
        I have copied it
      </Button>
    </section>
  )
}
