"""What is stored of audio and speech, alone or along with a job, twice and with faults."""

from scheduling.bodies import Bodies
from tests.lua.twice import scenario
from tests.lua.world import World


@scenario("put_body")
def stored(world: World) -> None:
    Bodies(world.store, world.settings).put("a", "c291bmQ=").wait()


@scenario("reserve")
def with_its_audio(world: World) -> None:
    bodies = Bodies(world.store, world.settings)
    world.ready("n1")
    world.open()
    for job in ("j1", "j2"):
        world.reserve(job, body=bodies.along(f"audio-{job}", "c291bmQ="))
    assert bodies.get("audio-j1") == bodies.get("audio-j2") == "c291bmQ="
    assert world.store.command("HGET", world.keys.cell, "bodies") == b"16"


@scenario("complete")
def with_its_speech(world: World) -> None:
    bodies = Bodies(world.store, world.settings)
    world.ready("n1")
    world.open()
    world.started("j1")
    world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1", body=bodies.along("s:j1", "c291bmQ="))
    assert (world.job("j1")["speech"], bodies.get("s:j1")) == ("s:j1", "c291bmQ=")


@scenario("drop_body")
def several_dropped(world: World) -> None:
    bodies = Bodies(world.store, world.settings)
    for name in ("a:1", "s:1", "s:2"):
        bodies.put(name, "c291bmQ=").wait()
    bodies.drop_all(["a:1", "s:1", "a:none", "a:1"])
    account = world.dump().hash("cell")
    assert [account[name] for name in ("bodies", "bodies:a", "bodies:s")] == ["8", "0", "8"]


@scenario("drop_body")
def dropped(world: World) -> None:
    bodies = Bodies(world.store, world.settings)
    bodies.put("a", "c291bmQ=").wait()
    bodies.drop("a").wait()
    assert world.store.command("HGET", world.keys.cell, "bodies") == b"0"


@scenario("drop_body")
def kept_for_a_while(world: World) -> None:
    bodies = Bodies(world.store, world.settings)
    bodies.put("a", "c291bmQ=").wait()
    bodies.drop("a", after_ms=1000).wait()
    assert world.dump().scores("bodyindex") == {"a 8": world.now_ms + 1000}


@scenario("keep_body")
def kept_longer(world: World) -> None:
    bodies = Bodies(world.store, world.settings)
    bodies.put("a", "c291bmQ=").wait()
    assert bodies.keep("a", 5000)
    assert not bodies.keep("gone", 5000)
    assert world.dump().scores("bodyindex") == {"a 8 kept": world.now_ms + 5000}
    bodies.drop("a").wait()
    assert world.store.command("HMGET", world.keys.cell, "bodies", "bodies:kept") == [b"0", b"0"]
