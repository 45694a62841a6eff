import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { createBrowserRouter, Navigate, Route, RouterProvider, Routes, useLocation } from 'react-router';
import { ApiProblem } from '../api/problem';
import type { Me } from '../api/types';
import { LiveProvider } from '../live/LiveProvider';
import { HomePage } from '../portal/HomePage';
import { LanesPage } from '../portal/LanesPage';
import { StartPage } from '../portal/StartPage';
import { Frame } from './Frame';
import { Loading } from './Loading';
import { NoticeProvider } from './notices';
import { NotFoundPage } from './NotFoundPage';
import { PageBoundary } from './PageBoundary';
import { SessionProvider } from './session';
import { SessionGate } from './SessionGate';

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

function Pages({ me }: { me: Me }) {
  const at = useLocation().pathname;
  return (
    <PageBoundary at={at} around={(page) => <Frame>{page}</Frame>}>
      <Suspense fallback={<Loading />}>
        <Routes>
          <Route path="/login" element={<Navigate to={me.role === 'admin' ? '/admin' : '/'} replace />} />
          <Route path="/admin/*" element={me.role === 'admin' ? <AdminRoutes /> : <Navigate to="/" replace />} />
          <Route
            path="/*"
            element={
              <Frame>
                <Routes>
                  <Route index element={<HomePage />} />
                  <Route path="start/:id" element={<StartPage />} />
                  <Route path="lanes" element={<LanesPage />} />
                  <Route path="*" element={<NotFoundPage />} />
                </Routes>
              </Frame>
            }
          />
        </Routes>
      </Suspense>
    </PageBoundary>
  );
}

// One route for all: a router of this kind can hold a page back that would lose something (useBlocker).
const router = createBrowserRouter([
  {
    path: '*',
    element: (
      <NoticeProvider>
        <SessionProvider>
          <PageBoundary at="">
            <SessionGate>
              {(me, isAway) => (
                <LiveProvider hasEvents={me.events} isPaused={isAway}>
                  <Pages me={me} />
                </LiveProvider>
              )}
            </SessionGate>
          </PageBoundary>
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
