"""Contains all the data models used in inputs/outputs"""

from .agent import Agent
from .agent_found import AgentFound
from .agent_list import AgentList
from .agent_origin import AgentOrigin
from .agent_summary import AgentSummary
from .agent_system import AgentSystem
from .connector import Connector
from .connector_found import ConnectorFound
from .connector_kind import ConnectorKind
from .connector_list import ConnectorList
from .conversation import Conversation
from .conversation_found import ConversationFound
from .conversation_page import ConversationPage
from .conversation_summary import ConversationSummary
from .delivered import Delivered
from .direction import Direction
from .document import Document
from .document_change import DocumentChange
from .document_found import DocumentFound
from .document_page import DocumentPage
from .document_set import DocumentSet
from .document_set_list import DocumentSetList
from .document_summary import DocumentSummary
from .document_taken_in import DocumentTakenIn
from .error import Error
from .error_details import ErrorDetails
from .file_place import FilePlace
from .git_hub_place import GitHubPlace
from .indexing_run import IndexingRun
from .me import Me
from .message import Message
from .message_content import MessageContent
from .message_page import MessagePage
from .message_written import MessageWritten
from .model_cost import ModelCost
from .model_costs import ModelCosts
from .new_connector import NewConnector
from .new_connector_config import NewConnectorConfig
from .new_document import NewDocument
from .new_event import NewEvent
from .new_message import NewMessage
from .new_readers import NewReaders
from .new_settings import NewSettings
from .participant import Participant
from .participant_list import ParticipantList
from .party import Party
from .party_type import PartyType
from .platform import Platform
from .published_event import PublishedEvent
from .role import Role
from .run_found import RunFound
from .run_list import RunList
from .run_status import RunStatus
from .settings import Settings
from .settings_found import SettingsFound
from .status import Status
from .target import Target
from .target_type import TargetType
from .turn_counts import TurnCounts
from .usage import Usage
from .usage_found import UsageFound
from .web_place import WebPlace

__all__ = (
    "Agent",
    "AgentFound",
    "AgentList",
    "AgentOrigin",
    "AgentSummary",
    "AgentSystem",
    "Connector",
    "ConnectorFound",
    "ConnectorKind",
    "ConnectorList",
    "Conversation",
    "ConversationFound",
    "ConversationPage",
    "ConversationSummary",
    "Delivered",
    "Direction",
    "Document",
    "DocumentChange",
    "DocumentFound",
    "DocumentPage",
    "DocumentSet",
    "DocumentSetList",
    "DocumentSummary",
    "DocumentTakenIn",
    "Error",
    "ErrorDetails",
    "FilePlace",
    "GitHubPlace",
    "IndexingRun",
    "Me",
    "Message",
    "MessageContent",
    "MessagePage",
    "MessageWritten",
    "ModelCost",
    "ModelCosts",
    "NewConnector",
    "NewConnectorConfig",
    "NewDocument",
    "NewEvent",
    "NewMessage",
    "NewReaders",
    "NewSettings",
    "Participant",
    "ParticipantList",
    "Party",
    "PartyType",
    "Platform",
    "PublishedEvent",
    "Role",
    "RunFound",
    "RunList",
    "RunStatus",
    "Settings",
    "SettingsFound",
    "Status",
    "Target",
    "TargetType",
    "TurnCounts",
    "Usage",
    "UsageFound",
    "WebPlace",
)
