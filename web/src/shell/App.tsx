import { Bullseye } from '@patternfly/react-core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { createBrowserRouter, Navigate, Route, RouterProvider, Routes } from 'react-router';
import { ApiProblem } from '../api/problem';
import { LiveProvider } from '../live/LiveProvider';
import { Spinner } from '../pf/Spinner';
import { HomePage } from '../portal/HomePage';
import { LoginPage } from '../portal/LoginPage';
import { StartPage } from '../portal/StartPage';
import { Frame } from './Frame';
import { NoticeProvider } from './notices';
import { NotFoundPage } from './NotFoundPage';
import { SessionProvider, useSession } from './session';

const AdminRoutes = lazy(() => import('../admin/AdminRoutes'));

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (count, error) => error instanceof ApiProblem && error.problem.retryable && !error.isUnreachable && count < 2,
    },
    mutations: { retry: false },
  },
});

function Loading() {
  return (
    <Bullseye>
      <Spinner />
    </Bullseye>
  );
}

function Pages() {
  const { state } = useSession();
  if (state.status === 'loading') return <Loading />;
  if (state.status === 'out') return <LoginPage />;
  return (
    <LiveProvider hasEvents={state.me.events}>
      <Suspense fallback={<Loading />}>
        <Routes>
          <Route path="/login" element={<Navigate to={state.me.role === 'admin' ? '/admin' : '/'} replace />} />
          <Route path="/admin/*" element={state.me.role === 'admin' ? <AdminRoutes /> : <Navigate to="/" replace />} />
          <Route
            path="/*"
            element={
              <Frame>
                <Routes>
                  <Route index element={<HomePage />} />
                  <Route path="start/:id" element={<StartPage />} />
                  <Route path="*" element={<NotFoundPage />} />
                </Routes>
              </Frame>
            }
          />
        </Routes>
      </Suspense>
    </LiveProvider>
  );
}

// One route for all: a router of this kind can hold a page back that would lose something (useBlocker).
const router = createBrowserRouter([
  {
    path: '*',
    element: (
      <NoticeProvider>
        <SessionProvider>
          <Pages />
        </SessionProvider>
      </NoticeProvider>
    ),
  },
]);

export function App() {
  return (
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
