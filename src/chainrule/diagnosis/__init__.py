"""Verdicts: on the claims of a sheet, and on the derivatives that chainrule derives itself."""

from chainrule.diagnosis.claims import check_claims
from chainrule.diagnosis.claims_report import ClaimsReport, ClaimVerdict, Discrepancy
from chainrule.diagnosis.diagnosed import Diagnosis
from chainrule.diagnosis.mistake import diagnose
from chainrule.diagnosis.verification import verify
from chainrule.diagnosis.verify_report import BlockVerification, VerifyReport

__all__ = [
    "BlockVerification",
    "ClaimVerdict",
    "ClaimsReport",
    "Diagnosis",
    "Discrepancy",
    "VerifyReport",
    "check_claims",
    "diagnose",
    "verify",
]
