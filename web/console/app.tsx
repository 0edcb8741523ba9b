import type { ReactNode } from 'react'
import { FreshPassword } from './auth/fresh-password.tsx'
import { SignedIn, useViewer } from './auth/viewer.tsx'
import { AccountPage } from './pages/account.tsx'
import { ActivityPage } from './pages/activity.tsx'
import { AuditPage } from './pages/audit.tsx'
import { DevicesPage } from './pages/devices.tsx'
import { ForgotPasswordPage } from './pages/forgot-password.tsx'
import { ResetPasswordPage, VerifyEmailPage } from './pages/mail-links.tsx'
import { SignInPage } from './pages/sign-in.tsx'
import { SignUpPage } from './pages/sign-up.tsx'
import { TokensPage } from './pages/tokens.tsx'
import { UserPage } from './pages/user.tsx'
import { UsersPage } from './pages/users.tsx'
import { Toasts } from './parts/toasts.tsx'
import { type Place, usePlace } from './router.tsx'
import { Shell } from './shell.tsx'

/** Each address and what is there: some pages are for everybody, the others for who is signed in. */
export function App() {
  const place = usePlace()
  const mailToken = place.fragment.get('token') ?? place.query.get('token') ?? ''
  switch (place.page) {
    case '/forgot-password':
      return <ForgotPasswordPage />
    case '/reset-password':
      return <ResetPasswordPage key={mailToken} token={mailToken} />
    case '/verify-email':
      return <VerifyEmailPage key={mailToken} token={mailToken} />
    default:
      return (
        <SignedIn
          otherwise={(reason) =>
            place.page === '/sign-up' ? <SignUpPage /> : <SignInPage reason={reason} />
          }
        >
          <Toasts>
            <FreshPassword>
              <Shell>
                <Inside place={place} />
              </Shell>
            </FreshPassword>
          </Toasts>
        </SignedIn>
      )
  }
}

function Inside({ place: { page, query } }: { place: Place }): ReactNode {
  const { role } = useViewer()
  switch (page) {
    case '/account':
      return <AccountPage />
    case '/tokens':
      return <TokensPage />
    case '/activity':
      return <ActivityPage />
    default:
      return role === 'ADMIN' ? <Administration page={page} query={query} /> : <DevicesPage />
  }
}

/** Pages of administrators; what they hide from others the API refuses to others. */
function Administration({ page, query }: Pick<Place, 'page' | 'query'>): ReactNode {
  switch (page) {
    case '/users':
      return <UsersPage />
    case '/user':
      return <UserPage id={query.get('id') ?? ''} />
    case '/audit':
      return <AuditPage userId={query.get('user')} />
    default:
      return <DevicesPage />
  }
}
