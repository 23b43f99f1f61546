"""Protocols: systems and a split file in; error rates on unseen people, before and after calibration, out.

folds.py says who is trained on and who is tested, checks.py refuses what would flatter, plan.py makes the jobs and
work.py does one, calibrate.py and align.py fit a model to a person, tables.py and report.py tell what came out.
"""
