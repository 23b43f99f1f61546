"""The option --source of every verb that listens to a live signal, and a help text on what it may say."""

from __future__ import annotations

from emgasr.cli.options.parser import ArgumentParser

SOURCES = """\
sources:
  file:PATH                     a recording; speed=1 (real time), speed=4, speed=fast; of a single take (.npy, .wav,
                                .csv …) also rate=…, unit=…, scale_uv=… and columns=1+2, else those of the model
  simulate:seed=9001            a simulated person who types; session=0, minutes=5 (default endless), speed=…
  stdin:rate=2000,unit=uV,…     raw samples; channels=8 or bands=left:16+right:16, format=float32|int16, scale=…
  brainflow:board=0,…           a board by id or name; serial_port=…, mac_address=…, ip_address=…, ip_port=…,
                                file=… and master=… (playback), master=… (streaming), scale=… (units a count),
                                counter=256 (where its counter starts again), config=… (a command to the board,
                                as BrainFlow's config_board)
  lsl:name=armband              a Lab Streaming Layer stream; or type=…, source_id=…, hostname=…, wait_s=5,
                                tolerance_ms=20 (how late samples may be stamped)

for all of them:
  unit=uV|counts                where the device states none; bands=left:16+right:16,ring=yes describes electrodes
  montage=bipolar|reference|average    how the device takes its voltages, where it does not say (a model refuses others)
  chunk_ms=32                   how often samples are handed on
  bridge_ms=50,fill=hold|zero   gaps up to this are filled, longer ones declared
  queue_s=10                    signal kept for a slow reader; stall_s=1, reopen_s=5, give_up_s=60 of silence
  highpass_hz=20,lowpass_hz=…,order=2,mains=50|60,notch_q=30,rate_hz=…    filters, as of `emgasr condition`"""


def add_source_option(parser: ArgumentParser, required: bool = True, several: bool = False) -> None:
    """Add --source, and what it may say to the end of the help; `several` may be given, into a list."""
    more = "; once for each sensor, where several models read several" if several else ""
    action = "append" if several else "store"
    line = f"where the signal comes from, see below{more}"
    parser.add_argument("--source", required=required, action=action, metavar="SPEC", help=line)
    parser.notes = SOURCES
