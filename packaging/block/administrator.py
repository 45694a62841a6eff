"""The first administrator, as far as `make run` needs one: it signs in when something has to be asked for."""

from daemons import Daemon
from progress import step
from rest import Problem, Rest, wait_until

ADMIN = "admin"


class Administrator:
    """A session that is opened at its first use and closed at the end. A refusal is final: no second try."""

    def __init__(self, ccc: Daemon, rest: Rest, password: str):
        self.ccc = ccc
        self.session = rest
        self.password = password
        self.refused = ""

    def rest(self) -> Rest:
        if self.refused:
            raise RuntimeError(self.refused)
        if not self.session.token:
            try:
                self._sign_in()
            except (RuntimeError, OSError, Problem) as bad:
                self.refused = str(bad)
                raise
        return self.session

    def _sign_in(self) -> None:
        if not self.ccc.ready():
            raise RuntimeError("the CCC does not run, which would have to be asked")
        with step(f"signing in as {ADMIN}"):
            wait_until("an answer of the CCC", self._signed_in, 60)

    def _signed_in(self) -> bool:
        try:
            self.session.login(ADMIN, self.password)
        except Problem as p:
            if p.status == 401:
                raise RuntimeError(f"{ADMIN} is not let in with the password of run/secrets.json: an administrator has "
                                   f"changed it, or disabled, renamed or deleted {ADMIN}. Put that back in the portal "
                                   "for the next `make run`, or make by hand what is missing") from None
            if p.status != 503:
                raise RuntimeError(f"{ADMIN} is not let in: {p}") from None
            raise
        return True

    def sign_out(self) -> None:
        if self.session.token:
            self.session.logout()
