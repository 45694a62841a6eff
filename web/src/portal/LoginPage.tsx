import { Card, CardBody, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput, Title } from '@patternfly/react-core';
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { asProblem, isAway } from '../api/problem';
import { BusyButton } from '../pf/BusyButton';
import { Brand } from '../shell/Brand';
import { LanguageChoice, ThemeChoice } from '../shell/Preferences';
import { OtherPortals } from '../shell/OtherPortals';
import { ProblemNote } from '../shell/ProblemNote';
import { useSession } from '../shell/session';

/** A password typed while the input method composes Hangul is never what was meant. */
const HANGUL = /[ᄀ-ᇿ㄰-㆏가-힣]/;

export function LoginPage() {
  const { t } = useTranslation();
  const { state, signIn } = useSession();
  const [username, setUsername] = useState(state.status === 'out' && state.kept ? state.kept.username : '');
  const [password, setPassword] = useState('');
  const [capsLock, setCapsLock] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setError] = useState<unknown>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  // Nobody could say whether she is signed in: known before she types.
  const error = refused ?? (state.status === 'out' ? state.failure : null);

  useEffect(() => {
    const before = document.title;
    document.title = t('login.title');
    return () => {
      document.title = before;
    };
  }, [t]);

  const watchCapsLock = (event: KeyboardEvent) => setCapsLock(event.getModifierState('CapsLock'));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!username || !password) return;
    setBusy(true);
    setError(null);
    signIn(username.trim(), password).catch((failure: unknown) => {
      setError(failure);
      setBusy(false);
      setPassword('');
      passwordField.current?.focus();
    });
  };

  const hints: string[] = [];
  if (capsLock) hints.push(t('login.capsLock'));
  if (HANGUL.test(password)) hints.push(t('login.hangul'));
  return (
    <div className="login">
      <header className="login-top">
        <LanguageChoice />
        <ThemeChoice />
      </header>
      <main className="login-main">
        <Card className="login-card" isLarge>
          <CardBody>
            <Brand />
            <Title headingLevel="h1" size="2xl" className="login-title">
              {t('login.title')}
            </Title>
            <p className="login-lead">{state.status === 'out' && state.expired ? t('login.expired') : t('login.lead')}</p>
            <Form onSubmit={submit} noValidate>
              <FormGroup label={t('login.username')} fieldId="username">
                <TextInput
                  id="username"
                  name="username"
                  value={username}
                  onChange={(_, value) => setUsername(value)}
                  autoComplete="username"
                  autoCapitalize="none"
                  spellCheck={false}
                  // The card is all there is on this page.
                  // eslint-disable-next-line jsx-a11y/no-autofocus
                  autoFocus
                />
              </FormGroup>
              <FormGroup label={t('login.password')} fieldId="password">
                <TextInput
                  id="password"
                  name="password"
                  type="password"
                  ref={passwordField}
                  value={password}
                  onChange={(_, value) => setPassword(value)}
                  onKeyUp={watchCapsLock}
                  onKeyDown={watchCapsLock}
                  onBlur={() => setCapsLock(false)}
                  autoComplete="current-password"
                  aria-describedby="password-hints"
                />
                <FormHelperText>
                  <HelperText id="password-hints" isLiveRegion>
                    {hints.map((hint) => (
                      <HelperTextItem key={hint} variant="warning">
                        {hint}
                      </HelperTextItem>
                    ))}
                  </HelperText>
                </FormHelperText>
              </FormGroup>
              {error !== null && <ProblemNote error={error} />}
              {error !== null && isAway(asProblem(error)) && <OtherPortals />}
              <BusyButton type="submit" isBlock size="lg" isBusy={busy} isDisabled={busy || !username || !password}>
                {t('login.submit')}
              </BusyButton>
            </Form>
          </CardBody>
        </Card>
        <p className="login-help">{t('login.help')}</p>
      </main>
    </div>
  );
}
