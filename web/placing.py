"""From an utterance to a placed job: store the audio, reserve, send."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from scheduling import tracing
from scheduling.along import Along
from scheduling.bodies import Bodies, PendingBody
from scheduling.catalog import Catalog, read_pools
from scheduling.errors import StoreError
from scheduling.hints import hint
from scheduling.jobspec import JobSpec
from scheduling.languages import fold, is_language
from scheduling.ledger import Assigned, Ledger, Placement, Reservation
from scheduling.ledger.codes import (
    BodyBudgetSpent,
    NoNode,
    OverQuota,
    QueueFull,
    SessionBehind,
    SessionMoved,
    UnknownJob,
    UnknownNode,
    UnknownSession,
)
from scheduling.ledger.sessions import position
from scheduling.logs import Sparing
from scheduling.messages import ErrorCode, JobAssign
from scheduling.pools import served_pairs, why_not
from scheduling.requirement import Requirement, requirement_for
from web.asking import Ask
from web.assigning import Assigner
from web.doubt import Doubt
from web.limiter import Limiter
from web.refused import Refused
from web.restoring import Restorer
from web.session_link import SessionLink
from web.spreading import spread
from web.timing import Timings
from web.traced import place_traced
from web.usage import UsageBook

_log = logging.getLogger(__name__)

_MOST_LANGUAGES = 2 + 30
#: Nobody who was refused is asked back sooner than this, ms.
_SOONEST_MS = 500


class Placer:
    """Places utterances of this process's sessions."""

    def __init__(
        self,
        ledger: Ledger,
        bodies: Bodies,
        assigner: Assigner,
        instance: str,
        timings: Timings,
        restorer: Restorer,
        limiter: Limiter,
        usage: UsageBook,
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._assigner = assigner
        self._instance = instance
        self._timings = timings
        self._restorer = restorer
        self._limiter = limiter
        self._usage = usage
        self._doubt = Doubt(ledger)
        self.catalog = Catalog()
        self._told = Sparing(_log)
        self.refused: Counter[str] = Counter()
        """Utterances that took no order number, by error code."""

    def swap_catalog(self, catalog: Catalog) -> None:
        """Use newer pools from now on."""
        self.catalog = catalog

    def tenant_of(self, node_id: str, fingerprint: str) -> str | None:
        """Give the tenant a private node belongs to, None for none. Raises `StoreError`."""
        tenant = self.catalog.file.tenant_of(node_id, fingerprint)
        if tenant is None:
            self._look_afresh()
            tenant = self.catalog.file.tenant_of(node_id, fingerprint)
        return tenant

    def place(self, session: SessionLink, ask: Ask) -> Placement:
        """Reserve a slot and send the job, or let it wait; give where it stands. Raises `Refused`."""
        with self._timings.measure("create"):
            try:
                return place_traced(self._place, session, ask) if tracing.on else self._place(session, ask)
            except Refused as refused:
                self.refused[str(refused.code)] += 1
                self._told.info(
                    "utterance refused",
                    session=session.session_id,
                    trace=ask.assign.trace_id,
                    tenant=session.init.tenant_id,
                    code=str(refused.code),
                )
                raise

    def _place(self, session: SessionLink, ask: Ask) -> Placement:
        try:
            requirement = self._requirement(session, ask.assign)
            if not requirement.node and not self.catalog.pools_for(requirement):
                self._look_afresh()
                # Its tenant and the languages that nodes hear may have been unknown here.
                requirement = self._requirement(session, ask.assign)
            pools = self._pools(requirement)
        except StoreError as error:
            raise store_down(error) from error
        self._prefer_pool(session, ask.assign, pools)
        job_id, spec = f"job-{uuid4().hex}", ask.spec()
        along = self._bodies.along(_audio_name(job_id), ask.assign.audio)
        body = None if along else self._bodies.put(_audio_name(job_id), ask.assign.audio)
        self._assigner.about_to_send.add(job_id)
        try:
            placement = self._reserve(session, ask, job_id, spec, requirement, pools, along)
            if placement.job_id == job_id:
                self._note_accepted(session, ask, placement)
                self._go_on(ask, placement, spec)
        except Refused:
            if body:
                self._bodies.forget(_audio_name(job_id))
            raise
        finally:
            self._assigner.about_to_send.discard(job_id)
        if body and placement.job_id == job_id:
            self._secure(body, job_id)
        elif body:
            self._bodies.forget(_audio_name(job_id))  # a repeated request found its job
        return placement

    def _note_accepted(self, session: SessionLink, ask: Ask, placement: Placement) -> None:
        self._usage.spoke(session.tenant, ask.audio_ms)
        turn = fold(ask.assign.tgt_lang), placement.order
        session.running[turn], session.jobs[turn] = ask.assign.utterance_index, placement.job_id
        session.spoken_until_ms[turn] = session.speech_ended_ms
        _note(session, ask, turn)

    def _requirement(self, session: SessionLink, assign: JobAssign) -> Requirement:
        both = _spoken_in_turn(assign)
        _check_languages(assign.src_lang, assign.tgt_lang, *assign.auto_langs or ())
        _check_languages(*both)
        # A tenant nobody reserves nodes for needs no queue of its own, whatever clients call themselves.
        tenant = session.init.tenant_id
        tenant = tenant if tenant in self.catalog.tenants else None
        requirement = requirement_for(
            assign.src_lang,
            assign.tgt_lang,
            assign.pipeline,
            tenant,
            assign.auto_langs,
            two_way=both,
            known=self.catalog.heard,
            require_semantic=assign.pipeline.use_semantic,
        )
        waits = session.paired_node and self._ledger.cell.settings.pairing_waits
        return replace(requirement, node=session.paired_node) if waits else requirement

    def _pools(self, requirement: Requirement) -> Sequence[str]:
        """Give the candidate pools; nothing is called unsupported before a fresh look."""
        if requirement.node:
            return [self._own_pool(requirement)]
        pools = self.catalog.pools_for(requirement)
        if not pools:
            self._look_afresh()
            # A newer catalog may also have been swapped in while the version was asked for.
            pools = self.catalog.pools_for(requirement)
        if not pools:
            raise self._unsupported(requirement)
        return pools

    def _own_pool(self, requirement: Requirement) -> str:
        """Give the pool of the node that the session waits for, if it can do the job."""
        try:
            class_id = self._ledger.pairing.pin(requirement.node)
        except UnknownNode as error:
            raise Refused(
                ErrorCode.NO_AVAILABLE_NODE, f"Your node {requirement.node} is not connected now."
            ) from error
        if class_id not in self.catalog.classes:
            self._look_afresh()
        capability = self.catalog.classes.get(class_id)
        if capability is None or why_not(capability, requirement) is not None:
            raise Refused(
                ErrorCode.UNSUPPORTED_FEATURE,
                f"Your node {requirement.node} does not translate {requirement.words}.",
            )
        return f"node-{requirement.node}"

    def _look_afresh(self) -> None:
        """Read the catalog again if pools were made or forgotten since."""
        version = self._ledger.cell.store.command("HGET", self._ledger.keys.cell, "pools_version")
        if int(version or 0) != self.catalog.version:
            self.catalog = read_pools(self._ledger.cell.store, self._ledger.keys)

    def _unsupported(self, requirement: Requirement) -> Refused:
        pairs = sorted(served_pairs(self.catalog.classes, requirement.tenant))
        if not pairs:
            return Refused(ErrorCode.NO_AVAILABLE_NODE, "No node is connected. Try again when one is.")
        known = ", ".join(f"{src}→{tgt}" for src, tgt in pairs[:12]) + (" …" if len(pairs) > 12 else "")
        return Refused(
            ErrorCode.UNSUPPORTED_FEATURE,
            f"No node translates {requirement.words}. Nodes now serve {known}.",
        )

    def _prefer_pool(self, session: SessionLink, assign: JobAssign, pools: Sequence[str]) -> None:
        """Keep the session's preferred pool while its language pair, as the ledger has it, stays the same."""
        pair = (fold(assign.src_lang), fold(assign.tgt_lang))
        if session.language_pair != pair or session.preferred_pool not in pools:
            session.language_pair, session.preferred_pool = pair, pools[0]

    def _reserve(
        self,
        session: SessionLink,
        ask: Ask,
        job_id: str,
        spec: JobSpec,
        requirement: Requirement,
        pools: Sequence[str],
        body: Along | None,
    ) -> Placement:
        assign, settings = ask.assign, self._ledger.cell.settings
        tenant = session.tenant
        reservation = Reservation(
            job_id=job_id,
            request_id=ask.request_id,
            session_id=session.session_id,
            instance=self._instance,
            src_lang=fold(assign.src_lang),
            tgt_lang=fold(assign.tgt_lang),
            requirement=requirement,
            pools=pools,
            pools_version=self.catalog.version,
            spec=spec.text(),
            audio=_audio_name(job_id),
            next_index=ask.next_index,
            audio_from=position(ask.audio_from) if ask.audio_from else "",
            preferred_pool=session.preferred_pool,
            preferred_node=session.paired_node,
            cost=settings.slots_for(requirement.services),
            tenant=tenant,
            weight=settings.weight_of.get(tenant, 100),
            priority=settings.priority_of.get(tenant, 1),
            room=ask.room,
            least_order=session.given.get(fold(assign.tgt_lang), 0),
            audio_ms=ask.audio_ms,
            quota=session.limits.quota,
            body=body,
        )
        try:
            return self._reserve_afresh(session, reservation)
        except QueueFull as error:
            # Those refused together are told different times, or they would all come back together.
            after_ms = max(_SOONEST_MS, spread(error.wait_ms))
            raise Refused(
                ErrorCode.NODE_OVERLOADED,
                f"All nodes are busy. Say it again in {max(1, round(after_ms / 1000))} s.",
                after_ms,
                error.wait_ms,
            ) from error
        except OverQuota as error:
            raise self._limiter.over(error.limit, max(_SOONEST_MS, spread(error.retry_after_ms))) from error
        except NoNode as error:
            raise Refused(
                ErrorCode.NO_AVAILABLE_NODE,
                f"No node for {assign.src_lang}→{assign.tgt_lang} is connected now. Try again when one is.",
            ) from error
        except BodyBudgetSpent as error:
            raise Refused(ErrorCode.NODE_OVERLOADED, hint("NODE_OVERLOADED"), spread(_SOONEST_MS)) from error
        except (UnknownSession, SessionMoved, SessionBehind) as error:
            raise Refused(ErrorCode.SESSION_CLOSED, hint("SESSION_CLOSED")) from error
        except StoreError as error:
            self._doubt.settle_later(session, reservation)
            raise store_down(error) from error

    def _reserve_afresh(self, session: SessionLink, reservation: Reservation) -> Placement:
        """Reserve; where nobody is left of the pools known here, once more with those made since."""
        try:
            return self._reserve_restoring(session, reservation)
        except NoNode:
            self._look_afresh()
            if self.catalog.version == reservation.pools_version:
                raise
            pools = self.catalog.pools_for(reservation.requirement)
            newer = replace(reservation, pools=pools, pools_version=self.catalog.version)
            return self._reserve_restoring(session, newer)

    def _reserve_restoring(self, session: SessionLink, reservation: Reservation) -> Placement:
        """Reserve; of a session the ledger forgot (idle for long, or writes were lost) it is told anew.

        So it is of one given up because this process was taken for dead, unless another socket has it.
        """
        try:
            return self._ledger.jobs.reserve(reservation)
        except (UnknownSession, SessionMoved, SessionBehind):
            if not self._restorer.restore([session]):
                raise
            return self._ledger.jobs.reserve(reservation)

    def _go_on(self, ask: Ask, placement: Placement, spec: JobSpec) -> None:
        """Send the job when its node is connected here; otherwise an inbox entry is on its way."""
        if placement.sends(self._instance):
            self._assigner.send(
                Assigned(placement.job_id, placement.attempt),
                placement.node_id,
                spec,
                ask.spoken(),
                ask.assign.audio,
                use_semantic=placement.use_semantic,
                tried=f" {placement.node_id} ",
                created_ms=time.time_ns() // 1_000_000,
                noted=True,
            )

    def _secure(self, body: PendingBody, job_id: str) -> None:
        """Wait until the audio is stored: from here on another node can take the job over."""
        try:
            body.wait()
        except (BodyBudgetSpent, StoreError) as error:
            _log.warning("audio of job %s cannot be stored: %s", job_id, error)
            full = isinstance(error, BodyBudgetSpent)
            code = ErrorCode.NODE_OVERLOADED if full else ErrorCode.SCHEDULER_DEPENDENCY_DOWN
            try:
                self._ledger.jobs.cancel(job_id, code, hint(code))
            except UnknownJob:
                pass
            except StoreError as silent:
                # It is accepted and so must not be refused: the node that has it may do it yet.
                _log.warning("job %s goes on without stored audio: %s", job_id, silent)


def _note(session: SessionLink, ask: Ask, turn: tuple[str, int]) -> None:
    """Remember what the ledger has promised: it may lose it (`web/restoring.py`)."""
    tgt_lang, order = turn
    session.given[tgt_lang] = max(session.given.get(tgt_lang, 0), order + 1)
    if ask.audio_from and ask.next_index > session.noted_index:
        session.noted_index, session.noted_audio = ask.next_index, ask.audio_from


def _audio_name(job_id: str) -> str:
    return f"a:{job_id}"


def store_down(error: Exception) -> Refused:
    """Refuse an utterance because the ledger cannot be reached; logs why."""
    _log.warning("an utterance is refused because the ledger cannot be reached: %s", error)
    return Refused(ErrorCode.SCHEDULER_DEPENDENCY_DOWN, hint("SCHEDULER_DEPENDENCY_DOWN"), 1000)


def _spoken_in_turn(assign: JobAssign) -> tuple[str, ...]:
    """Give the two languages of a two-way session: they are named, or the only two that may be spoken."""
    if assign.mode != "two_way_auto":
        return ()
    named = tuple(filter(None, (assign.lang_a, assign.lang_b)))
    spoken = named if len(named) == 2 else tuple(assign.auto_langs or ())
    return spoken if len(spoken) == 2 else ()


def _check_languages(*codes: str) -> None:
    """Refuse what is no language: it would become part of keys, and of requirements that are kept."""
    if len(codes) > _MOST_LANGUAGES:
        raise Refused(
            ErrorCode.INVALID_MESSAGE, f"auto_langs names {len(codes) - 2} languages. Send 30 at most."
        )
    for code in codes:
        if not is_language(code):
            raise Refused(
                ErrorCode.INVALID_MESSAGE,
                f"{code[:32]!r} is not a language code. Send one such as en, pt-br or auto.",
            )
